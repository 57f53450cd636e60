import { seeded, type Random } from './random.ts'

/** Made telemetry: values every 5, 30 or 60 minutes, and the windows in which something is wrong. */
export type TelemetrySeries = { name: string; times: number[]; values: number[]; windows: [number, number][] }

const minute = 60_000
const start = Date.parse('2024-01-01')
const makers: Record<string, (random: Random, perDay: number) => (i: number) => number> = {
  'daily wave': (random, perDay) => {
    const noise = random.between(0.5, 5)
    return (i) => 50 + 30 * Math.sin((2 * Math.PI * i) / perDay) + noise * random.normal()
  },
  'busy days': (random, perDay) => {
    const noise = random.between(0, 4)
    const late = random.between(0, 0.04)
    return (i) => {
      const part = (i % perDay) / perDay - late
      const isWeekend = Math.floor(i / perDay) % 7 >= 5
      return (part > 0.375 && part < 0.75 ? (isWeekend ? 40 : 80) : 20) + noise * random.normal()
    }
  },
  wanderer: (random) => {
    let level = 0
    return () => {
      level = 0.998 * level + 0.3 * random.normal()
      return 70 + level + 0.3 * random.normal()
    }
  },
  spikes: (random) => {
    const rate = random.between(0.005, 0.03)
    return () => random.between(0, 3) + (random.next() < rate ? random.between(10, 40) : 0)
  },
  'even noise': (random) => () => random.between(18, 22),
  'heavy noise': (random) => () => Math.exp(0.6 * random.normal()) * 0.1,
  flat: (random) => () => (random.next() < 0.002 ? 46 : 45),
  counts: (random, perDay) => (i) => random.poisson(3 + 2 * Math.sin((2 * Math.PI * i) / perDay)),
}

const faults: Record<
  string,
  (random: Random, values: number[], at: number, length: number, range: number, perDay: number) => void
> = {
  spike: (_, values, at, __, range) => void (values[at]! += 2 * range),
  dip: (random, values, at, __, range) => {
    for (let i = at; i < at + 3 + random.below(5); i++) values[i]! -= 1.5 * range
  },
  shift: (_, values, at, length, range) => {
    for (let i = at; i < at + length; i++) values[i]! += 0.8 * range
  },
  stuck: (_, values, at, length) => {
    for (let i = at; i < at + length; i++) values[i] = values[at]!
  },
  restless: (random, values, at, length, range) => {
    for (let i = at; i < at + length; i++) values[i]! += 0.5 * range * random.normal()
  },
  'other hours': (_, values, at, __, ___, perDay) => {
    const from = at - (at % perDay) + Math.floor(0.35 * perDay)
    for (let i = from; i < from + 0.45 * perDay; i++) values[i] = values[i - Math.floor(perDay / 2)]!
  },
  'more spikes': (random, values, at, length, range) => {
    for (let i = at; i < at + length; i++) if (random.next() < 0.15) values[i]! += 0.7 * range
  },
}

export function makeTelemetry(seed: number): TelemetrySeries[] {
  const random = seeded(seed)
  const all: TelemetrySeries[] = []
  for (const [name, make] of Object.entries(makers))
    for (let copy = 0; copy < 4; copy++) {
      const minutes = random.pick([5, 5, 30, 60])
      const count = minutes === 5 ? 4032 : 2000 + random.below(3000)
      const next = make(random, 1440 / minutes)
      const values = Array.from({ length: count }, (_, i) => next(i))
      const sorted = Float64Array.from(values).sort()
      const range = Math.max(1, sorted[Math.floor(0.99 * count)]! - sorted[Math.floor(0.01 * count)]!)
      const windows: [number, number][] = []
      if (copy > 0) {
        const width = Math.floor((0.1 * count) / 2)
        for (const from of [0.35, 0.7]) {
          const at = Math.floor(count * (from + random.between(0, 0.15)))
          const fault = random.pick(Object.keys(faults))
          faults[fault]!(random, values, at, Math.floor(width / 2), range, 1440 / minutes)
          windows.push([at - Math.floor(width / 4), at + Math.floor((3 * width) / 4)])
        }
      }
      all.push({ name: `${name} ${copy}`, times: values.map((_, i) => start + i * minutes * minute), values, windows })
    }
  return all
}
