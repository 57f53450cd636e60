import { type Codec, DecodeError } from '#schemas/codec.ts'
import { deadLetterTopic, isByCompany, maxRecordBytes, type Topic } from '#schemas/topics.ts'
import type { ConsumerSettings, KafkaSettings } from '../process/settings.ts'
import { countInARow, deadLetterOf, shortLetterOf } from './dead-letter.ts'
import { prefixed } from '../kafka/client.ts'
import type { Erasures } from '../erase/erasures.ts'
import type { Log } from '../process/log.ts'
import { expectStep, noteStep, receivedAtHeader, type Step } from '../observe/steps.ts'
import { deadLetters, messagesConsumed } from '../process/metrics.ts'
import { completeOutcomes } from './handle-sound.ts'
import { type Dead, dead, type Delivery, drop, type Handler, type Outcome } from './outcome.ts'
import type { Producer } from '../kafka/produce.ts'
import { type FetchedRecord, headerText, type ProducerRecord, sizeOf } from '../kafka/record.ts'
import { classify, isTooLarge } from '../calls/retry.ts'
import { makeSendable, sendOutcomes } from './send-outcomes.ts'
import { traceIdOf } from '../observe/traceparent.ts'
import { traceBatch } from '../observe/tracing.ts'

/**
 * Takes records of one partition to their outcomes: decoded, handled, outputs and dead letters acknowledged by the
 * broker. When it resolves, with the dead letters in a row at the end, the offset may be committed; when it throws, nothing
 * may be.
 */
export type Processor = (records: FetchedRecord[], how: Processing) => Promise<number>

type Processing = {
  attempt: number
  /** Dead letters in a row before these records. */
  deadInARow: number
  /** What is known of each of the records without looking at it. */
  verdict?: Dead
}

/** There are as many dead letters in a row as there may be. Nothing of the batch took effect as a dead letter. */
export class TooManyDeadLetters extends Error {
  override readonly name = 'TooManyDeadLetters'
}

export type ProcessorDeps = {
  settings: KafkaSettings & Pick<ConsumerSettings, 'MAX_DEAD_LETTERS_IN_A_ROW'>
  service: string
  group: string
  codec: Codec
  producer: Producer
  log: Log
  /** What must not come back. */
  erasures: Pick<Erasures, 'isErased' | 'redact'>
}

const erased = drop('its company was erased')

type ReadValue<T> = (record: FetchedRecord) => T | Promise<T>

export function createProcessor<T>(
  topic: Topic<unknown>,
  handle: Handler<T>,
  readValue: ReadValue<T>,
  deps: ProcessorDeps,
  step?: Step,
): Processor {
  const { settings, service, producer, erasures } = deps
  const isErased = ({ key }: FetchedRecord) => isByCompany(topic) && key !== null && erasures.isErased(String(key))
  const letters = deadLetterTopic(topic, service)
  const name = prefixed(settings, topic.name)
  // So that the first one shows as a change.
  for (const outcome of ['ok', 'drop', 'dead']) messagesConsumed.inc({ topic: name, outcome }, 0)
  if (step) expectStep(step)

  const process = async (records: FetchedRecord[], causeOf: CauseOf, { attempt, deadInARow, verdict }: Processing) => {
    const decoded = await Promise.all(
      records.map((record) => (isErased(record) ? erased : (verdict ?? decode(record, readValue, service, erasures)))),
    )
    const handled = await completeOutcomes(decoded, (deliveries) => handleAll(handle, deliveries))
    const sendable = await Promise.all(
      handled.map((outcome, index) => makeSendable(records[index] as FetchedRecord, outcome, causeOf(index), deps)),
    )
    const limit = settings.MAX_DEAD_LETTERS_IN_A_ROW
    let nowInARow = deadInARow
    const outcomes = await sendOutcomes(sendable, producer, (outcomes) => {
      const counted = countInARow(deadInARow, outcomes, limit)
      if (counted === null)
        throw new TooManyDeadLetters(
          `${limit} dead letters in a row on partition ${records[0]?.partition} of ${topic.name}: ${lastDeath(outcomes)}`,
        )
      nowInARow = counted
      return outcomes.flatMap((outcome, index) => {
        if (outcome.kind !== 'dead') return []
        const stage = decoded[index] === outcome && !verdict ? ('decode' as const) : ('handle' as const)
        return [writeLetter(records[index] as FetchedRecord, outcome, { stage, attempt, letters }, deps)]
      })
    })
    count(name, records, outcomes, step)
    return nowInARow
  }

  return async (records, how) => {
    const traced = records.map((record) => ({ offset: record.offset, traceparent: headerText(record, 'traceparent') }))
    const partition = records[0]?.partition ?? 0
    const { causeOf, end } = traceBatch({ topic: topic.name, group: deps.group, partition, records: traced })
    try {
      const deadInARow = await process(records, causeOf, how)
      end()
      return deadInARow
    } catch (error) {
      end(classify(error))
      throw error
    }
  }
}

type CauseOf = (index: number) => string | undefined

function count(
  topic: string,
  records: readonly FetchedRecord[],
  outcomes: readonly Outcome[],
  step: Step | undefined,
): void {
  for (const [index, outcome] of outcomes.entries()) {
    if (step && outcome.kind === 'ok') noteStep(step, headerText(records[index] as FetchedRecord, receivedAtHeader))
    messagesConsumed.inc({ topic, outcome: outcome.kind })
    if (outcome.kind === 'dead') deadLetters.inc({ topic, reason: outcome.reason })
  }
}

type Circumstances = { stage: 'decode' | 'handle'; attempt: number; letters: ReturnType<typeof deadLetterTopic> }

/** The dead letter of a record, short if its topic does not take the whole record. */
function writeLetter(
  record: FetchedRecord,
  outcome: Dead,
  { stage, attempt, letters }: Circumstances,
  { settings, service, group, log }: ProcessorDeps,
): ProducerRecord {
  const { reason, message } = outcome
  const about = { ...where(record), reason, event_id: headerText(record, 'event_id') }
  log.warn({ ...about, detail: message.slice(0, 500) }, 'dead_letter')
  const letter = deadLetterOf(record, {
    ...{ reason, message, stage, service, group, deadLetterTopic: prefixed(settings, letters.name) },
    ...{ deliveryCount: attempt, now: new Date() },
  })
  return sizeOf(letter) > maxRecordBytes(letters) ? shortLetterOf(letter) : letter
}

async function decode<T>(
  record: FetchedRecord,
  readValue: ReadValue<T>,
  service: string,
  { redact }: Pick<Erasures, 'redact'>,
): Promise<Delivery<T> | Outcome> {
  const replayFor = headerText(record, 'replay_for')
  if (replayFor && replayFor !== service) return drop('replay for another service')
  try {
    const headers = Object.fromEntries(
      Object.keys(record.headers).map((name) => [name, headerText(record, name) ?? '']),
    )
    const value = redact(await readValue(record))
    const { topic, partition, offset, timestamp, key } = record
    return { topic, partition, offset, timestamp, key: key?.toString() ?? '', value, headers }
  } catch (error) {
    if (error instanceof DecodeError) return dead(error.reason, error.message)
    throw error
  }
}

/** One outcome per delivery. Values the database refuses must not cost their neighbours: the batch is halved until the
 *  guilty one stands alone. */
async function handleAll<T>(handle: Handler<T>, deliveries: Delivery<T>[]): Promise<Outcome[]> {
  try {
    const outcomes = await handle(deliveries)
    if (outcomes.length !== deliveries.length)
      throw new Error(`${deliveries.length} records, ${outcomes.length} outcomes`)
    return outcomes
  } catch (error) {
    if (classify(error) !== 'poison') throw error
    if (deliveries.length === 1)
      return [dead(isTooLarge(error) ? 'output-too-large' : 'refused-by-database', messageOf(error))]
    const middle = deliveries.length >> 1
    return [
      ...(await handleAll(handle, deliveries.slice(0, middle))),
      ...(await handleAll(handle, deliveries.slice(middle))),
    ]
  }
}

export function messageOf(error: unknown): string {
  const { message, detail } = error as { message: string; detail?: string | null }
  const cause = (error as Error).cause instanceof Error ? `: ${((error as Error).cause as Error).message}` : ''
  return `${message}${cause}${detail ? ` (${detail})` : ''}`
}

function lastDeath(outcomes: readonly Outcome[]): string {
  const last = outcomes.findLast((outcome) => outcome.kind === 'dead')
  return last ? `${last.reason}, ${last.message}` : ''
}

function where(record: FetchedRecord) {
  const { topic, partition, offset } = record
  return { topic, partition, offset, trace_id: traceIdOf(headerText(record, 'traceparent')) }
}
