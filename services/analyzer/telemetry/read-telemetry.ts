import { countSize, emptySizes, measureRarity, type Sizes } from './rarity.ts'

const day = 86_400_000
const hour = 3_600_000
/** More than half of the newest intervals are at most so long. */
const longestInterval = 2 * hour
const intervals = 16
/** The first sizes say nothing, because the distances that they are measured in are hardly known. */
const unsettled = 50

/** What the engine remembers of a series of many values a day, beside its newest points. */
export type Telemetry = {
  seen: number
  /** The level of the newest thousand values, and the mean distance from it. */
  level: number
  spread: number
  /** Mean sizes of changes: of the newest ten, and of the newest thousand. */
  restless: number
  restlessLong: number
  /** Mean values of the hours of a day, and of a week. Null where none was seen. */
  hours: (number | null)[]
  weekHours: (number | null)[]
  /** Mean errors of what level, hour and hour of the week make expect. */
  errors: number[]
  /** The mean of the newest distances from what was expected. */
  drift: number
  /** For each way to be unusual, which sizes were seen. */
  sizes: Sizes[]
  /** How rare the newest points were, which fades within a day. */
  told: number
}

const ways = ['change', 'distance', 'level', 'drift', 'restlessness'] as const
export type Way = (typeof ways)[number]

/** What is known of a point before it is judged, and the memory with it. */
export type Reading = {
  score: number
  way: Way
  isUp: boolean
  /** How many values before were as unusual in this way, of how many. */
  asLarge: number
  of: number
  /** By the season that suits best, if any was learnt. */
  expected: number
  /** How much more the series changes than it did. */
  restlessness: number
  memory: Telemetry
}

/** The score is 0.5 where so many decimal places of improbability are reached. */
const evenRarity = 4.5
/** What follows a point so rare is damped by half. */
const tellingRarity = 3.5

export function isTelemetry(times: readonly number[], time: number): boolean {
  let short = 0
  let all = 0
  let next = time
  for (let i = times.length - 1; i >= 0 && all < intervals; i--) {
    all++
    if (next - times[i]! <= longestInterval) short++
    next = times[i]!
  }
  return short * 2 > all
}

const emptyTelemetry = (value: number): Telemetry => ({
  seen: 0,
  level: value,
  spread: 0,
  restless: 0,
  restlessLong: 0,
  hours: new Array<null>(24).fill(null),
  weekHours: new Array<null>(168).fill(null),
  errors: [0, 0, 0],
  drift: 0,
  sizes: ways.map(emptySizes),
  told: 0,
})

/**
 * Judges a point of a series of many values a day. There a value is unusual if few of the thousands before moved as far
 * from the value before, were as far from what this hour makes expect or from the level; or if such distances last, or
 * changes are larger or smaller than they were. Each series itself says how few, so that all have one threshold.
 */
export function readTelemetry(
  before: Telemetry | null,
  lastTime: number,
  last: number,
  time: number,
  value: number,
): Reading {
  const past = before ?? emptyTelemetry(last)
  const atHour = Math.floor(time / hour) - 24 * Math.floor(time / day)
  const atWeekHour = Math.floor(time / hour) - 168 * Math.floor(time / (7 * day))
  const ofHour = past.hours[atHour]!
  const byHour = ofHour ?? past.level
  const expectations = [past.level, byHour, past.weekHours[atWeekHour] ?? byHour]
  let best = 0
  for (let i = 1; i < expectations.length; i++) if (past.errors[i]! < 0.8 * past.errors[best]!) best = i
  const expected = expectations[best]!
  const away = ofHour === null ? 0 : value - expected
  const change = value - last
  const drift = past.drift + 0.015 * (away - past.drift)
  const restless = past.restless + 0.1 * (Math.abs(change) - past.restless)
  const unit = 0.02 * past.spread + 1e-9 * Math.abs(past.level) + 1e-300
  const restlessness = Math.log((restless + unit) / (past.restlessLong + unit))
  const signed = [change / unit, away / unit, (value - past.level) / unit, drift / unit, 20 * restlessness]
  const sizes = past.sizes.slice()
  let way = 0
  let rarest = measureRarity(sizes[0]!, signed[0]!)
  let second = 0
  for (let i = 0; i < ways.length; i++) {
    // Before an hour was seen, nothing is expected of it.
    if (ofHour === null && (ways[i] === 'distance' || ways[i] === 'drift')) continue
    if (i > 0) {
      const one = measureRarity(sizes[i]!, signed[i]!)
      if (one.rarity > rarest.rarity) {
        second = rarest.rarity
        rarest = one
        way = i
      } else if (one.rarity > second) second = one.rarity
    }
    if (past.seen >= unsettled) sizes[i] = countSize(sizes[i]!, signed[i]!)
  }
  const rarity = rarest.rarity + 0.1 * second
  const told = past.told * Math.exp(-Math.min((time - lastTime) / day, 1 / 200))
  const own = toScore(rarity, evenRarity)
  const share = 1 - Math.exp((-0.35 * Math.min(time - lastTime, hour)) / hour)
  return {
    score: rarity > told ? own : own * (1 - 0.9 * toScore(told, tellingRarity)),
    way: ways[way]!,
    isUp: signed[way]! > 0,
    asLarge: rarest.asLarge,
    of: rarest.of,
    expected,
    restlessness: Math.exp(restlessness),
    memory: {
      ...follow(past, value, change, expectations),
      hours: past.hours.with(atHour, approach(ofHour, value, share)),
      weekHours: past.weekHours.with(atWeekHour, approach(past.weekHours[atWeekHour]!, value, 2 * share)),
      drift,
      restless,
      sizes,
      told: Math.max(told, rarity),
    },
  }
}

/** Never 1, however rare. */
const toScore = (rarity: number, even: number) => 1 / (1 + 10 ** (even - (1.3 * rarity) / (1 + rarity / 15)))

function follow(past: Telemetry, value: number, change: number, expectations: readonly number[]): Telemetry {
  const share = 1 / (past.seen + 2)
  const slowly = Math.max(0.001, share)
  const distance = Math.abs(value - past.level)
  const most = past.seen < 20 ? distance : 10 * past.spread
  return {
    ...past,
    seen: past.seen + 1,
    level: past.level + slowly * (value - past.level),
    spread: past.spread + slowly * (Math.min(distance, most) - past.spread),
    restlessLong: past.restlessLong + slowly * (Math.abs(change) - past.restlessLong),
    errors: past.errors.map(
      (error, i) => error + Math.max(0.002, share) * (Math.abs(value - expectations[i]!) - error),
    ),
  }
}

const approach = (mean: number | null, value: number, share: number) =>
  mean === null ? value : mean + share * (value - mean)
