import { setTimeout as delay } from 'node:timers/promises'
import { onCleanup } from './cleanup.ts'
import type { Payload } from './github.ts'
import type { System } from './system.ts'

type FeedReport = {
  /** Answers other than 201, by status; `none` counts missing answers. */
  refusals: Record<string, number>
  /** Document ids, in the order of the payloads. */
  documents: string[]
}

export type Feeding = { done: Promise<FeedReport>; fed(): number; refusals(): Record<string, number> }

type FeedOptions = {
  overMs?: number
  deadlineMs?: number
  /** Called with the ms from the first try of a payload to its 201. */
  onTaken?: (ms: number) => void
}

/**
 * Feeds the payloads of each company in order and all companies at once. Repeats each payload with the same token
 * until the answer is 201. `overMs` spreads the payloads over that time. Rejects when a payload is refused for good,
 * or not accepted within `deadlineMs`.
 */
export function startFeeding(
  system: Pick<System, 'feed'>,
  payloads: readonly Payload[],
  { overMs = 0, deadlineMs = 120_000, onTaken }: FeedOptions = {},
): Feeding {
  const documents: string[] = []
  const refusals: Record<string, number> = {}
  const startedAt = performance.now()
  const over = new AbortController()
  const pause = (ms: number) => delay(Math.max(0, ms), undefined, { signal: over.signal })
  let fed = 0
  onCleanup(() => over.abort())

  async function feedOne({ company, rawData, observedAt }: Payload): Promise<string> {
    const more = observedAt === undefined ? {} : { observed_at: observedAt }
    for (const deadline = performance.now() + deadlineMs; performance.now() < deadline; await pause(200)) {
      const answer = await system.feed(company, rawData, more).catch(() => ({ status: 'none', document_id: null }))
      if (answer.status === 201) return answer.document_id ?? ''
      refusals[answer.status] = (refusals[answer.status] ?? 0) + 1
      if (typeof answer.status === 'number' && answer.status < 500)
        throw new Error(`a feed was answered ${answer.status}`)
    }
    throw new Error(`a payload was not taken in ${deadlineMs / 1000} s: ${JSON.stringify(refusals)}`)
  }

  async function feedLane(lane: [Payload, number][]): Promise<void> {
    for (const [payload, index] of lane) {
      const due = startedAt + (overMs * index) / payloads.length
      await pause(due - performance.now())
      const begunAt = performance.now()
      documents[index] = await feedOne(payload)
      onTaken?.(performance.now() - begunAt)
      fed++
    }
  }

  const lanes = Map.groupBy(
    payloads.map((payload, index): [Payload, number] => [payload, index]),
    ([{ company }]) => company,
  )
  const done = Promise.all([...lanes.values()].map(feedLane)).then(() => ({ refusals, documents }))
  done.catch(() => over.abort())
  return { done, fed: () => fed, refusals: () => refusals }
}
