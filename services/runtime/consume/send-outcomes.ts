import type { Codec } from '#schemas/codec.ts'
import { isTooLarge } from '../calls/retry.ts'
import { encodeOutput } from '../kafka/output.ts'
import type { Producer } from '../kafka/produce.ts'
import { type FetchedRecord, headerText, type ProducerRecord } from '../kafka/record.ts'
import { receivedAtHeader } from '../observe/steps.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { shortLetterOf } from './dead-letter.ts'
import { type Dead, dead, type Outcome } from './outcome.ts'

export type SendDeps = { settings: Pick<KafkaSettings, 'TOPIC_PREFIX'>; codec: Codec; producer: Producer }

/** What became of a record, and the outputs of it that are to be sent. */
export type Sendable = { record: FetchedRecord; outcome: Outcome; outputs: ProducerRecord[] }

/** Encodes the outputs of a record, whose `traceparent` is `cause`. If one of them is larger than its topic takes, none is sent and the record is dead. */
export async function makeSendable(
  record: FetchedRecord,
  outcome: Outcome,
  cause: string | undefined,
  { settings, codec }: SendDeps,
): Promise<Sendable> {
  if (outcome.kind !== 'ok') return { record, outcome, outputs: [] }
  const receivedAt = headerText(record, receivedAtHeader)
  const carried: Record<string, string> = receivedAt === undefined ? {} : { [receivedAtHeader]: receivedAt }
  try {
    const outputs = await Promise.all(
      outcome.outputs.map((one) =>
        encodeOutput(settings, codec, { ...one, headers: { ...carried, ...one.headers } }, cause),
      ),
    )
    return { record, outcome, outputs }
  } catch (error) {
    if (!isTooLarge(error)) throw error
    return { record, outcome: tooLarge(error), outputs: [] }
  }
}

type WriteLetters = (outcomes: readonly Outcome[]) => ProducerRecord[]

/**
 * Sends all outputs, then the letters of the dead. Resolves with what became of the records: if the broker finds outputs too
 * large, those of each record are sent by themselves, and a record whose outputs it does not take is dead. `writeLetters`
 * makes the letters of the dead among outcomes, and throws when there are too many.
 */
export async function sendOutcomes(
  sendable: readonly Sendable[],
  producer: Producer,
  writeLetters: WriteLetters,
): Promise<Outcome[]> {
  const outcomes = sendable.map(({ outcome }) => outcome)
  const letters = writeLetters(outcomes)
  const refused = await sendOrExplain(
    sendable.flatMap(({ outputs }) => outputs),
    producer,
  )
  if (!refused) {
    await sendLetters(letters, producer)
    return outcomes
  }
  const sent: Outcome[] = []
  for (const { outcome, outputs } of sendable) sent.push((await sendOrExplain(outputs, producer)) ?? outcome)
  await sendLetters(writeLetters(sent), producer)
  return sent
}

/** A letter that the broker does not take is sent without what makes it large. */
async function sendLetters(letters: readonly ProducerRecord[], producer: Producer): Promise<void> {
  if (!(await sendOrExplain(letters, producer))) return
  for (const letter of letters)
    if (await sendOrExplain([letter], producer)) await producer.send([shortLetterOf(letter)])
}

async function sendOrExplain(records: readonly ProducerRecord[], producer: Producer): Promise<Dead | null> {
  try {
    await producer.send(records)
    return null
  } catch (error) {
    if (isTooLarge(error)) return tooLarge(error)
    throw error
  }
}

function tooLarge(error: unknown): Dead {
  return dead('output-too-large', `what the record makes cannot be sent: ${(error as Error).message}`)
}
