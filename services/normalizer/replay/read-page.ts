import type { Firestore } from '@google-cloud/firestore'
import { readPayloads, type UnreadableDocument } from '#runtime/firestore/read-payload.ts'
import type { Kafka } from '#runtime/open-kafka.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { findEvents, type ReplayedEvent } from './find-events.ts'
import type { Replay } from './replay-table.ts'

/** How far the clocks of edge and Kafka may be apart, and how long a payload may be on its way to the topic. */
const clockToleranceMs = 60_000
const longestWayMs = 600_000

/** One payload of a replay as it was stored, or why it cannot be read. */
export type Read = { event: ReplayedEvent; payload: RawPayload | UnreadableDocument }

/** Reads pages of replays, and the next one while the last one is stored. */
export class PageReader {
  readonly #database: Database
  readonly #firestore: () => Promise<Firestore>
  readonly #readTopic: Kafka['readBetween']
  readonly #erasures: Kafka['erasures']
  #ahead: { key: string; page: Promise<Read[]> } | null = null

  constructor(
    database: Database,
    firestore: () => Promise<Firestore>,
    { readTopic, erasures }: { readTopic: Kafka['readBetween']; erasures: Kafka['erasures'] },
  ) {
    this.#database = database
    this.#firestore = firestore
    this.#readTopic = readTopic
    this.#erasures = erasures
  }

  /** The next payloads of a replay: `count`, or as many as were read ahead. None: there are no more. */
  read(replay: Replay, count: number): Promise<Read[]> {
    const ahead = this.#ahead
    this.#ahead = null
    return ahead?.key === keyOf(replay) ? ahead.page : this.#load(replay, count)
  }

  /** One payload, whatever was read ahead. */
  readOne(replay: Replay): Promise<Read[]> {
    this.#ahead = null
    return this.#load(replay, 1)
  }

  /** Begins to read what a replay will need. What fails of it is tried again when it is needed. */
  readAhead(replay: Replay, count: number): void {
    const page = this.#load(replay, count)
    const ahead = { key: keyOf(replay), page }
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
    const payloads = await readPayloads(
      await this.#firestore(),
      events.map(({ document }) => document),
    )
    // A Firestore that was restored may have what was erased since.
    const page = payloads.map((payload, index): Read => ({
      event: events[index]!,
      payload: this.#erasures.redact(payload),
    }))
    await this.#findOnTopic(page.filter(({ payload }) => payload instanceof Error))
    return page
  }

  /** What Firestore does not have (yet, or any more) may still be on the topic. */
  async #findOnTopic(unread: readonly Read[]): Promise<void> {
    if (unread.length === 0) return
    const byId = new Map(unread.map((one) => [one.event.event_id, one]))
    const times = unread.map(({ event }) => event.received_at)
    const span = { from: Math.min(...times) - clockToleranceMs, to: Math.max(...times) + longestWayMs }
    await this.#readTopic(topics.rawPayloads, span, (payload) => {
      const read = byId.get(payload.event_id)
      if (read) read.payload = { ...payload, replay: null }
    })
  }
}

function keyOf({ replay_no, cursor_no }: Replay): string {
  return `${replay_no}/${cursor_no}`
}
