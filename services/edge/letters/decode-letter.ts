import type { FetchedRecord } from '#runtime/kafka/record.ts'
import { headerText } from '#runtime/kafka/record.ts'
import { readRecords } from '#runtime/kafka/read-topics.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { cut } from '#runtime/text/shorten.ts'
import { DecodeError } from '#schemas/codec.ts'
import { type DeadLetterTopic, deadLetterTopics } from './dead-letter.ts'
import type { LetterTools } from './tools.ts'

const maxShownCharacters = 20_000
const longestHeader = 1000

type ReadTools = Omit<LetterTools, 'producer'>

/** A dead letter’s record, and where it comes from. */
export type ReadLetter = { of: DeadLetterTopic; record: FetchedRecord }

/** The record of a dead letter; null: its topic does not keep it any more. */
export async function fetchLetter(
  { settings, log }: ReadTools,
  { id, written_at }: { id: string; written_at: string },
): Promise<ReadLetter | null> {
  const [offset = '', partition = '', ...rest] = id.split('/').reverse()
  const name = rest.reverse().join('/')
  const of = deadLetterTopics.find((one) => one.name === name)
  if (!of) return null
  let found: FetchedRecord | null = null
  const place = { topic: prefixed(settings, name), partition: Number(partition), offset }
  await readRecords(settings, log, [place], (record) => {
    if (record.timestamp === Date.parse(written_at)) found = record
  })
  return found && { of, record: found }
}

/** Headers as text, without those that are long. */
export function headersOf(record: FetchedRecord): Record<string, string> {
  return Object.fromEntries(
    Object.keys(record.headers).map((name) => [name, cut(headerText(record, name) ?? '', longestHeader)]),
  )
}

/** The value as its schema reads it, with bytes as text. For a value that cannot be read: why, and its first bytes. */
export async function decodeLetter({ codec }: Pick<ReadTools, 'codec'>, { of, record }: ReadLetter): Promise<unknown> {
  const { value } = record
  try {
    return showValue(await codec.decode(of.source, value))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return {
      not_readable: error.message,
      bytes: value?.length ?? 0,
      begins_with: value?.subarray(0, 64).toString('hex'),
    }
  }
}

function showValue(decoded: unknown): unknown {
  return JSON.parse(
    JSON.stringify(decoded, function (name, plain: unknown) {
      const raw = (this as Record<string, unknown>)[name]
      return Buffer.isBuffer(raw) ? shortened(raw.toString()) : typeof plain === 'string' ? shortened(plain) : plain
    }),
  )
}

function shortened(text: string): string {
  const shown = cut(text, maxShownCharacters)
  return shown === text ? text : `${shown} (${text.length} characters)`
}
