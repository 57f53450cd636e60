import type { StackEnv } from '../../deploy/local/stack-env.ts'

/** What a measure works on: its own idle stack. */
export type Bench = {
  env(): StackEnv
  /** Environment of our processes and commands on this stack. */
  serviceEnv(): NodeJS.ProcessEnv
  /** How long the stack took to start, s. */
  startSeconds: number
  /** As asked for with `--payloads`: how many the measure works on, where that can be chosen. */
  payloads: number | null
  say(text: string): void
}

export type Result = {
  what: string
  value: number
  unit: string
  /** How the value was measured: rounds, parts, what it is compared with. */
  detail: string
  /** The value must be below this; null when there is no target. */
  below: number | null
  /** The value must be above this. */
  above?: number
}

export type Measure = (bench: Bench) => Promise<Result[]>
