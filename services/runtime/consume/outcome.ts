import type { Output } from '../kafka/output.ts'

/**
 * What became of one record.
 * `ok`: its effect is committed, its outputs are to be sent. `drop`: nothing to do, on purpose. `dead`: it can never be
 * processed as it is; it goes to the dead letter topic, untouched, with the reason. Nothing else makes records move on.
 */
export type Outcome = { kind: 'ok'; outputs: Output[] } | { kind: 'drop'; reason: string } | Dead

export type Dead = { kind: 'dead'; reason: DeadReason; message: string }

/** Why a record is a dead letter: the closed list of `__dlq.reason`. */
export type DeadReason =
  | 'null-value'
  | 'too-short'
  | 'wrong-magic-byte'
  | 'unknown-schema-id'
  | 'undecodable'
  | 'conflict'
  | 'refused-by-database'
  | 'refused-by-firestore'
  | 'invalid'
  | 'killed-the-process'
  | 'output-too-large'

export const ok = (...outputs: Output[]): Outcome => ({ kind: 'ok', outputs })
export const drop = (reason: string): Outcome => ({ kind: 'drop', reason })
export const dead = (reason: DeadReason, message: string): Dead => ({ kind: 'dead', reason, message })

/** A record as a handler gets it. */
export type Delivery<T> = {
  topic: string
  partition: number
  offset: string
  key: string
  value: T
  headers: Record<string, string>
  /** When the record was appended, ms since 1970. */
  timestamp: number
}

/**
 * Gets records of one partition in order, and answers one outcome for each, in the same order. Its effects must be
 * idempotent: the same records come again after a crash, alone or in other batches. It must not catch errors it does not
 * know: the runtime retries transient ones in place, and lets the process end on unknown ones.
 */
export type Handler<T> = (batch: Delivery<T>[]) => Promise<Outcome[]>
