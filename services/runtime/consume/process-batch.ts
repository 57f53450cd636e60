import { type Codec, DecodeError } from '#schemas/codec.ts'
import { deadLetterTopic, type Topic } from '#schemas/topics.ts'
import type { ConsumerSettings, KafkaSettings } from '../process/settings.ts'
import { countInARow, deadLetterOf } from './dead-letter.ts'
import { prefixed } from '../kafka/client.ts'
import type { Log } from '../process/log.ts'
import { deadLetters, messagesConsumed } from '../process/metrics.ts'
import { completeOutcomes } from './handle-sound.ts'
import { type Dead, dead, type Delivery, drop, type Handler, type Outcome } from './outcome.ts'
import { encodeOutput, type Output } from '../kafka/output.ts'
import type { Producer } from '../kafka/produce.ts'
import { type FetchedRecord, headerText, type ProducerRecord } from '../kafka/record.ts'
import { classify } from '../calls/retry.ts'
import { traceIdOf } from '../kafka/trace.ts'

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
}

type ReadValue<T> = (record: FetchedRecord) => T | Promise<T>

export function createProcessor<T>(
  topic: Topic<unknown>,
  handle: Handler<T>,
  readValue: ReadValue<T>,
  deps: ProcessorDeps,
): Processor {
  const { settings, service, group, producer, log } = deps
  const deadLetterName = prefixed(settings, deadLetterTopic(topic, service).name)

  return async (records, { attempt, deadInARow, verdict }) => {
    const decoded = await Promise.all(records.map((record) => verdict ?? decode(record, readValue, service)))
    const outcomes = await completeOutcomes(decoded, (deliveries) => handleAll(handle, deliveries))

    const limit = settings.MAX_DEAD_LETTERS_IN_A_ROW
    const nowInARow = countInARow(deadInARow, outcomes, limit)
    if (nowInARow === null)
      throw new TooManyDeadLetters(
        `${limit} dead letters in a row on partition ${records[0]?.partition} of ${topic.name}: ${lastDeath(outcomes)}`,
      )
    const outgoing: ProducerRecord[] = []
    for (const [index, outcome] of outcomes.entries()) {
      const record = records[index] as FetchedRecord
      if (outcome.kind === 'ok') {
        const cause = headerText(record, 'traceparent')
        const encode = (one: Output) => encodeOutput(settings, deps.codec, one, cause)
        outgoing.push(...(await Promise.all(outcome.outputs.map(encode))))
      }
      if (outcome.kind !== 'dead') continue
      const death = {
        ...outcome,
        stage: decoded[index] === outcome && !verdict ? ('decode' as const) : ('handle' as const),
        ...{ service, group, deadLetterTopic: deadLetterName, deliveryCount: attempt, now: new Date() },
      }
      outgoing.push(deadLetterOf(record, death))
      log.warn(
        {
          ...where(record),
          reason: outcome.reason,
          detail: outcome.message.slice(0, 500),
          event_id: headerText(record, 'event_id'),
        },
        'dead_letter',
      )
    }
    await producer.send(outgoing)
    for (const outcome of outcomes) {
      messagesConsumed.inc({ topic: topic.name, outcome: outcome.kind })
      if (outcome.kind === 'dead') deadLetters.inc({ topic: topic.name, reason: outcome.reason })
    }
    return nowInARow
  }
}

async function decode<T>(
  record: FetchedRecord,
  readValue: ReadValue<T>,
  service: string,
): Promise<Delivery<T> | Outcome> {
  const replayFor = headerText(record, 'replay_for')
  if (replayFor && replayFor !== service) return drop('replay for another service')
  try {
    const headers = Object.fromEntries(
      Object.keys(record.headers).map((name) => [name, headerText(record, name) ?? '']),
    )
    const value = await readValue(record)
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
    if (deliveries.length === 1) return [dead('refused-by-database', messageOf(error))]
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
