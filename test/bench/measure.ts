import type { StackEnv } from '../../deploy/local/stack-env.ts'

/** What a measure works on: a stack of its own with all services, at rest. */
export type Bench = {
  env(): StackEnv
  /** Environment of our processes and commands on this stack. */
  serviceEnv(): NodeJS.ProcessEnv
  /** How long the stack took to start, s. */
  startSeconds: number
  say(text: string): void
}

export type Result = {
  what: string
  value: number
  unit: string
  /** How the value came about: rounds, parts, what it is compared with. */
  detail: string
  /** The value must be below this; null: there is none. */
  below: number | null
  /** The value must be above this. */
  above?: number
}

export type Measure = (bench: Bench) => Promise<Result[]>
