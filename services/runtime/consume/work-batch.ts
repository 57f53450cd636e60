import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { asRecord } from '../kafka/record.ts'
import { batchDuration } from '../process/metrics.ts'
import type { ServiceContext } from '../process/service.ts'
import type { ConsumerSettings } from '../process/settings.ts'
import { BatchSize } from '../recovery/batch-size.ts'
import type { ReportIncident } from '../recovery/incidents.ts'
import type { Note } from '../recovery/offset-note.ts'
import type { Place } from '../recovery/place.ts'
import { Turnstile } from '../recovery/turnstile.ts'
import { keepAlive } from '../calls/keep-alive.ts'
import { trackLag } from '../offsets/lag-metric.ts'
import type { LossWatch } from '../offsets/loss-watch.ts'
import type { Processor } from './process-batch.ts'
import { Trouble } from './trouble.ts'
import { type Tools, workChunk } from './work-chunk.ts'

/** A handler that is busy for longer is stuck: the process ends and is restarted. Normal batches take less than a second. */
const handlerDeadlineMs = 120_000

/** What a handler gets at once: larger batches gain nothing and hold memory and locks for longer. */
const maxBatchBytes = 512 * 1024

type Losses = Pick<LossWatch, 'inspect' | 'find' | 'metadata' | 'advance' | 'giveUp'>

/** Works off what is fetched of one partition. `paused`: it makes too many dead letters, fetch nothing of it for a while. */
export type WorkBatch = (payload: EachBatchPayload) => Promise<'on' | 'paused'>

/**
 * Returns what works off one fetched batch of a partition: in chunks, each retried in place while its errors are transient
 * and committed when it is processed. Unknown errors end the service, uncommitted. `processors` are by name in the cluster.
 */
export function createBatchWorker(
  settings: ConsumerSettings,
  context: Pick<ServiceContext, 'log' | 'health' | 'stopping' | 'fail'>,
  processors: ReadonlyMap<string, Processor>,
  { losses, report }: { losses: Losses; report: ReportIncident },
): WorkBatch {
  const turnstile = new Turnstile()
  let passedAt = -Infinity

  async function workMessages(payload: EachBatchPayload, tools: Tools, alive: Tools['alive']) {
    const { batch, isRunning, isStale } = payload
    const { topic, partition, messages, highWatermark } = batch
    const { place, trouble } = tools
    const size = new BatchSize(settings.CONSUME_MAX_BATCH)
    for (let at = 0; at < messages.length;) {
      if (!isRunning() || isStale() || context.stopping.aborted) return 'stopped'
      const chunk = takeChunk(messages, at, place.note.suspects > 0 ? 1 : size.now)
      const { incident } = place.note
      const end = batchDuration.startTimer({ topic })
      trackLag(topic, partition, Number(chunk[0].timestamp))
      const records = chunk.map((message) => asRecord(topic, partition, message))
      const result = await workChunk(records, size.tries, tools)
      if (result === 'halve') size.halve(chunk.length)
      else if (result !== 'through') return result
      else {
        end()
        at += chunk.length
        passedAt = performance.now()
        size.passed()
        trouble.passed(incident, size.isWhole)
        const isEnd = place.offset >= Number(highWatermark)
        trackLag(topic, partition, isEnd ? null : Number(chunk.at(-1)?.timestamp))
      }
      alive.throwIfLost()
    }
    return 'through'
  }

  return async (payload) => {
    const { topic, partition } = payload.batch
    const process = processors.get(topic)
    if (!process) throw new Error(`no subscription to ${topic}`)
    const alive = keepAlive(() => payload.heartbeat(), settings.SESSION_TIMEOUT_MS / 4, handlerDeadlineMs, context.fail)
    try {
      await losses.inspect(payload)
      const place = findPlace(losses, payload)
      // Of the assignment before. It is fetched again if it is still this member's.
      if (!place) return 'on'
      const commit = (offset: number, note: Note, newest = 0) =>
        commitPlace(payload, losses, place, { offset, note, newest })
      const keep = (note: Note) => commit(place.offset, note)
      const trouble = new Trouble({ place, keep, report, health: context.health, passedAt: () => passedAt })
      const result = await workMessages(payload, { place, commit, process, alive, turnstile, trouble, context }, alive)
      if (result === 'failed') losses.giveUp(topic, partition)
      return result === 'brake' ? 'paused' : 'on'
    } finally {
      alive.stop()
    }
  }
}

function findPlace(losses: Losses, { batch: { topic, partition } }: EachBatchPayload): Place | undefined {
  const position = losses.find(topic, partition)
  return position && { topic, partition, offset: position.offset, note: position.note }
}

async function commitPlace(
  { batch: { topic, partition }, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload,
  losses: Losses,
  place: Place,
  next: { offset: number; note: Note; newest: number },
): Promise<void> {
  const { offset, note, newest } = next
  if (offset > place.offset) resolveOffset(String(offset - 1))
  // kafkajs sends the metadata; its type does not know it.
  const at = { partition, offset: String(offset), metadata: losses.metadata(topic, partition, newest, note) }
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [at] }] })
  if (offset < place.offset) return
  losses.advance(topic, partition, next)
  Object.assign(place, { offset, note })
}

/** At least one, at most `maxCount` messages from `at` on, of at most `maxBatchBytes` if they are several. */
function takeChunk(messages: readonly KafkaMessage[], at: number, maxCount: number): [KafkaMessage, ...KafkaMessage[]] {
  const [first, ...others] = messages.slice(at, at + maxCount) as [KafkaMessage, ...KafkaMessage[]]
  let bytes = first.value?.length ?? 0
  const end = others.findIndex(({ value }) => (bytes += value?.length ?? 0) > maxBatchBytes)
  return [first, ...(end < 0 ? others : others.slice(0, end))]
}
