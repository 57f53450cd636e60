import type { Value } from './value.ts'

/** What a series was last, and its newest numbers, the oldest first. Times in ms since 1970. */
export type SeriesState = {
  eventNo: number
  observedAt: number
  last: Value
  recent: number[]
  /** When the newest of `recent` were observed, as many as a rule over days asks for. */
  at?: number[]
  /** Its last firing, while it is recent. */
  fired?: Fired
  /** What rules remember of it, by their id. */
  rules?: Record<string, RuleState>
}

/** `from`: the value before it; `turns`: how many firings in a row each undid the one before; `quiet`: values since. */
export type Fired = { from: Value; turns: number; quiet: number }

export type Observed = { eventNo: number; observedAt: number; type: string; value: Value }

/** What a rule must remember of a series, times in ms since 1970. Of another version of the rule it means nothing. */
export type RuleState = {
  version: number
  /** How many values in a row it has held for, and what was before them. */
  row?: { values: number; from: Value; since: number }
  /** The value is beyond the level, or not back from there yet. */
  beyond?: true
  firedAt?: number
}
