import type { Telemetry } from '../telemetry/read-telemetry.ts'

/**
 * What the engine remembers of a series: JSON of less than 8 KB, whatever the length of the series. Times in ms since
 * 1970. States of another version are not read: the series is learnt anew.
 */
export type SignalState = {
  version: 2
  /** How many values were seen. */
  seen: number
  /** The newest points, the oldest first. */
  times: number[]
  values: number[]
  /** The newest surprises, in scales of then, the oldest first. */
  surprises: number[]
  /** The newest scores, as they were before `tellOnce`, the oldest first. */
  scores: number[]
  /** How the newest points stood out, three numbers each (see growth-features.ts), the oldest first. */
  moves: number[]
  /** The ordinary deviation of the growth, and the one that outbursts make: two speeds. */
  ordinary: number
  outburst: number
  /** The mean error of each way to expect a value. */
  errors: number[]
  /** Of a series of many values a day. */
  telemetry: Telemetry | null
}

/** Two years of weeks and some. */
export const maxPoints = 112
/** Of a series of many values a day, of which more is known otherwise. */
export const maxTelemetryPoints = 32
export const maxRecent = 8
export const maxMoves = 9
export const stateVersion = 2

export const emptyState = (): SignalState => ({
  version: stateVersion,
  seen: 0,
  times: [],
  values: [],
  surprises: [],
  scores: [],
  moves: [],
  ordinary: 0,
  outburst: 0,
  errors: [],
  telemetry: null,
})

/** Points that a series must have before one is judged. */
export const leastPoints = 20
