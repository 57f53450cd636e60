import type { Firestore } from '@google-cloud/firestore'
import type { Database } from '#runtime/postgres/database.ts'
import type { UnreadableDocument } from '#runtime/firestore/read-payload.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { findEvents, type ReplayedEvent } from './find-events.ts'
import type { Replay } from './replay-table.ts'

/** One payload of a replay with what its raw document says. */
export type Read = { event: ReplayedEvent; payload: RawPayload | UnreadableDocument }

/** Reads pages of replays, and the next one while the last one is stored. */
export class PageReader {
  readonly #database: Database
  readonly #firestore: () => Promise<Firestore>
  #ahead: { key: string; page: Promise<Read[]> } | null = null

  constructor(database: Database, firestore: () => Promise<Firestore>) {
    this.#database = database
    this.#firestore = firestore
  }

  /** The next payloads of a replay, at most `count`. None: there are no more. */
  read(replay: Replay, count: number): Promise<Read[]> {
    const ahead = this.#ahead
    this.#ahead = null
    return ahead?.key === keyOf(replay, count) ? ahead.page : this.#load(replay, count)
  }

  /** Begins to read what a replay will need. What fails of it is tried again when it is needed. */
  readAhead(replay: Replay, count: number): void {
    const page = this.#load(replay, count)
    const ahead = { key: keyOf(replay, count), page }
    this.#ahead = ahead
    page.catch(() => {
      if (this.#ahead === ahead) this.#ahead = null
    })
  }

  async settle(): Promise<void> {
    await this.#ahead?.page.catch(() => undefined)
  }

  async #load(replay: Replay, count: number): Promise<Read[]> {
    const events = await findEvents(this.#database, replay, count)
    // It loads the client, which takes a second and 60 MB.
    const { readPayloads } = await import('#runtime/firestore/read-payload.ts')
    const payloads = await readPayloads(
      await this.#firestore(),
      events.map(({ document }) => document),
    )
    return payloads.map((payload, index) => ({ event: events[index]!, payload }))
  }
}

function keyOf({ replay_no, cursor_no }: Replay, count: number): string {
  return `${replay_no}/${cursor_no}/${count}`
}
