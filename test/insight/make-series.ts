import { seeded, type Random } from './random.ts'
import type { Series } from './series.ts'

const day = 86_400_000
const start = Date.parse('2021-01-04')

/** A season of one length: 0 on average, about 1 at most. */
type Shape = (part: number) => number

/** Downloads of packages, and series with seasons of 12 and 52 points, all made up. The same in every run. */
export function makeSeries(seed: number): Series[] {
  const random = seeded(seed)
  const all: Series[] = []
  for (let company = 0; company < 12; company++) {
    for (let item = 0; item < 6; item++) all.push(...makePackage(random, `company ${company}`, `package ${item}`))
    for (let item = 0; item < 4; item++) all.push(makeSeason(random, 12, `company ${company}`, `series ${item}`))
    for (let item = 0; item < 3; item++) all.push(makeSeason(random, 52, `company ${company}`, `series ${item}`))
    for (let item = 0; item < 3; item++) all.push(makeCounter(random, `company ${company}`, `counter ${item}`))
  }
  return all
}

/** Downloads a day, seen as sums over 7 and 30 days and as a total, once a week; and some as daily figures. */
function makePackage(random: Random, company: string, name: string): Series[] {
  const days = 7 * (90 + random.below(90))
  const daily = makeDownloads(random, days)
  const sumOf = (end: number, length: number) => {
    let sum = 0
    for (let i = Math.max(0, end - length + 1); i <= end; i++) sum += daily[i]!
    return sum
  }
  const ends = Array.from({ length: Math.floor((days - 31) / 7) }, (_, i) => 31 + i * 7)
  const series = (what: string, kind: Series['kind'], values: number[], at: number[]): Series => ({
    family: 'package',
    company,
    name: `${name}/${what}`,
    kind,
    times: at.map((one) => start + one * day),
    values,
  })
  let total = random.between(0, 5) * daily[0]! * 365
  const totals = ends.map((end) => Math.round((total += sumOf(end, 7))))
  const made = [
    series(
      'downloads of a week',
      'level',
      ends.map((end) => sumOf(end, 7)),
      ends,
    ),
    series(
      'downloads of a month',
      'level',
      ends.map((end) => sumOf(end, 30)),
      ends,
    ),
    series('downloads', 'counter', totals, ends),
  ]
  if (random.next() > 0.25) return made
  const last = Array.from({ length: 200 }, (_, i) => days - 200 + i)
  return [
    ...made,
    series(
      'downloads of a day',
      'level',
      last.map((end) => daily[end]!),
      last,
    ),
  ]
}

function makeDownloads(random: Random, days: number): number[] {
  const base = 10 ** random.between(1.2, 6)
  const growth = random.pick([0, 0.0005, 0.001, 0.002, 0.004, -0.0005])
  const noise = random.pick([0.03, 0.06, 0.1, 0.2])
  const weekend = random.between(0.2, 0.9)
  const offset = random.below(365)
  let drift = 0
  let burst = 0
  return Array.from({ length: days }, (_, i) => {
    drift = 0.995 * drift + 0.01 * random.normal()
    if (random.next() < 0.0012) burst = random.between(0.3, 3)
    burst *= 0.6
    const ofYear = (i + offset) % 365
    const holiday = ofYear > 355 || ofYear < 3 ? 0.55 : 1
    const ofWeek = i % 7 >= 5 ? weekend : 1
    const mean = base * Math.exp(growth * i + drift + noise * random.normal()) * ofWeek * holiday * (1 + burst)
    return random.poisson(mean)
  })
}

function makeShape(random: Random): Shape {
  if (random.next() < 0.4) {
    const phase = random.next()
    const second = random.between(0, 0.4)
    return (part) =>
      Math.sin(2 * Math.PI * (part + phase)) * (1 - second) + second * Math.sin(4 * Math.PI * (part + phase * 3))
  }
  // A busy time of the year, and none else.
  const width = random.between(0.06, 0.15)
  const middle = random.next()
  return (part) => {
    const away = Math.abs(((part - middle + 1.5) % 1) - 0.5)
    return Math.exp(-0.5 * (away / width) ** 2) - 0.3
  }
}

/** Monthly series with a busy time of one to five months that begins and ends at once, as December's sales do. */
export function makeBusySeasons(seed: number): Series[] {
  const random = seeded(seed)
  return Array.from({ length: 48 }, (_, item) =>
    makeSeason(random, 12, `company ${item % 12}`, `busy ${item}`, makeBlock),
  )
}

function makeBlock(random: Random): Shape {
  const first = random.below(12)
  const length = 1 + random.below(5)
  return (part) => ((Math.round(part * 12) - first + 12) % 12 < length ? 1 : 0)
}

/** `points` of a year: 12 or 52. */
function makeSeason(random: Random, points: number, company: string, name: string, draw = makeShape): Series {
  const count = points === 12 ? 72 + random.below(60) : 160 + random.below(80)
  const shape = draw(random)
  const strength = random.between(0.12, 0.6)
  const growth = random.between(-0.1, 0.25)
  const noise = random.between(0.01, 0.06)
  const base = 10 ** random.between(1.5, 6)
  let drift = 0
  const times: number[] = []
  const values: number[] = []
  const plain: number[] = []
  for (let i = 0; i < count; i++) {
    drift += 0.3 * noise * random.normal()
    const trend = base * Math.exp((growth * i) / points + drift)
    const scatter = Math.exp(noise * random.normal())
    times.push(points === 12 ? Date.UTC(2012, i, 1) : start - 365 * day + i * 7 * day)
    values.push(Math.round(trend * (1 + strength * shape((i % points) / points)) * scatter))
    plain.push(Math.round(trend * scatter))
  }
  return { family: `season ${points}`, company, name, kind: 'level', times, values, plain }
}

/** Counters as the github ones: growth that wanders and bursts, clean-ups, at times a unit of thousands. */
function makeCounter(random: Random, company: string, name: string): Series {
  const count = 110 + random.below(60)
  let rate = 10 ** random.between(-0.5, 3.5)
  let value = Math.round(rate * random.between(20, 400))
  let burst = 0
  const even = random.between(0.02, 0.4)
  const times: number[] = []
  const values: number[] = []
  for (let i = 0; i < count; i++) {
    rate *= Math.exp(0.06 * random.normal())
    if (random.next() < 0.006) burst = random.between(2, 12)
    burst *= random.between(0.2, 0.7)
    value += random.poisson(rate * (1 + burst) * Math.exp(even * random.normal()))
    if (random.next() < 0.0015) value = Math.round(value * random.between(0.93, 0.995))
    times.push(start + i * 7 * day)
    values.push(value)
  }
  return { family: 'counter', company, name, kind: 'counter', times, values }
}
