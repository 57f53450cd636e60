import type { SignalState } from '../signals/state.ts'
import type { Value } from './value.ts'

/** The last value of a series, and its newest numbers, the oldest first. Times in ms since 1970. */
export type SeriesState = {
  eventNo: number
  observedAt: number
  last: Value
  recent: number[]
  /** When the newest of `recent` were observed, as many as a rule over days needs. */
  at?: number[]
  /** The last firing, while it is recent. */
  fired?: Fired
  /** What rules remember of the series, by rule id. */
  rules?: Record<string, RuleState>
  /** What the detectors remember of a series of numbers that no rule covers. */
  signal?: SignalState
  /** What they said of the last value. */
  said?: Said
}

/** `points`: how many values the detectors had seen before. `kind`, `score`, `reason`: as in their verdict. */
export type Said = { points: number; kind: string; score: number; reason: string }

/**
 * `from`: the value before the firing. `turns`: how many firings in a row each undid the one before. `quiet`: values
 * since.
 */
export type Fired = { from: Value; turns: number; quiet: number }

export type Observed = { eventNo: number; observedAt: number; type: string; value: Value }

/** What one version of a rule must remember of a series. Times in ms since 1970. */
export type RuleState = {
  version: number
  /** For how many values in a row the condition has held, and the value before them. */
  row?: { values: number; from: Value; since: number }
  /** The value is beyond the level, or has not yet returned to `recovery`. */
  beyond?: true
  firedAt?: number
}
