import { hasCode, mayBePoison } from '../calls/retry.ts'
import type { ServiceContext } from '../process/service.ts'
import { manyTries } from '../recovery/batch-size.ts'
import type { ReportIncident } from '../recovery/incidents.ts'
import type { IncidentKind, Note } from '../recovery/offset-note.ts'
import type { Place } from '../recovery/place.ts'
import { type Dead, dead } from './outcome.ts'
import { messageOf } from './process-batch.ts'

/** What fails for longer than this is an incident. */
const longMs = 15 * 60_000

type TroubleDeps = {
  place: Place
  /** Commits a note beside the offset that is committed. */
  keep(note: Note): Promise<void>
  report: ReportIncident
  health: Pick<ServiceContext['health'], 'away'>
  /** When any record of this process was processed last (performance.now()). */
  passedAt(): number
}

/** What a partition waits for, while it is worked on: whether that is the record's fault, and who is told. */
export class Trouble {
  readonly #deps: TroubleDeps
  /** When something began to fail, and nothing has been right since. */
  #since: number | null = null
  /** The same, of the record that is next. */
  #stuck: { since: number; error: unknown } | null = null

  constructor(deps: TroubleDeps) {
    this.#deps = deps
  }

  failed(error: unknown): void {
    const now = performance.now()
    this.#since ??= now
    this.#stuck = { since: this.#stuck?.since ?? now, error }
    if (now - this.#stuck.since <= longMs) return
    const { topic, partition, offset } = this.#deps.place
    this.#tell(
      'partition-stuck',
      `Partition ${partition} of ${topic} has not moved from offset ${offset} for over ${longMs / 60_000} minutes: ` +
        `${messageOf(error)}. It goes on by itself when the cause is mended.`,
    )
  }

  braked(error: Error): void {
    this.#tell(
      'partition-paused',
      `Partition paused: ${error.message}. Mend the cause, then it goes on within a minute. ` +
        'If the records are to become dead letters, restart the service with a larger MAX_DEAD_LETTERS_IN_A_ROW.',
    )
  }

  /**
   * What becomes of a record that has failed alone before this attempt: a dead letter, if it has failed often with what may
   * come from its data, all servers answer, and other records were processed since or none for long.
   */
  async judge(attempt: number): Promise<Dead | undefined> {
    if (attempt <= manyTries || !this.#stuck || !mayBePoison(this.#stuck.error)) return undefined
    const { health, passedAt } = this.#deps
    const since = this.#since ?? this.#stuck.since
    if (passedAt() < since && performance.now() - since < longMs) return undefined
    if ((await health.away()).length > 0) return undefined
    const { error } = this.#stuck
    const reason = hasCode(error, 4, 13) ? 'refused-by-firestore' : 'refused-by-database'
    return dead(reason, `failed ${attempt - 1} times alone: ${messageOf(error)}`)
  }

  /** The next records are through. `isWhole`: nothing that failed before them is left to try. */
  passed(incident: IncidentKind | undefined, isWhole: boolean): void {
    if (incident) this.#report(incident, '', true)
    this.#stuck = null
    if (isWhole) this.#since = null
  }

  #tell(kind: IncidentKind, message: string): void {
    const { place, keep } = this.#deps
    if (place.note.incident === kind) return
    this.#report(kind, message, false)
    // Whoever processes the record has to say that the incident is over. If this is lost, it is only told again.
    keep({ ...place.note, incident: kind }).catch(() => undefined)
  }

  #report(kind: IncidentKind, message: string, resolved: boolean): void {
    const { topic, partition, offset } = this.#deps.place
    this.#deps.report({ kind, topic, partition, offset: String(offset), message }, resolved)
  }
}
