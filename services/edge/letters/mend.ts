import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { headerText, sizeOf } from '#runtime/kafka/record.ts'
import { lock } from '#runtime/postgres/lock.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { DecodeError, EncodeError } from '#schemas/codec.ts'
import { maxRecordBytes, topics } from '#schemas/topics.ts'
import { idOf, sha256 } from '../publish/identify.ts'
import type { ReadLetter } from './decode-letter.ts'
import { editableText, MendError, mendValue, whyNotMend } from './mendable.ts'
import type { Letter } from './read-letters.ts'
import type { LetterTools } from './tools.ts'

type Reading = Omit<LetterTools, 'producer'>

/** What of a letter can be edited, or why nothing can. */
export async function readEditable(
  { codec }: Pick<Reading, 'codec'>,
  letter: Letter,
  read: ReadLetter | null,
): Promise<{ text: string } | { why: string }> {
  const why = whyNotMend(letter)
  if (why !== null) return { why }
  if (read === null) return { why: 'its topic does not keep the record any more.' }
  try {
    return { text: editableText(letter.topic, await codec.decode(read.of.source, read.record.value)) }
  } catch (error) {
    if (error instanceof MendError) return { why: error.message }
    if (error instanceof DecodeError) return { why: 'it cannot be read by its schema, so there is nothing to edit.' }
    throw error
  }
}

type Asked = { edited: string; actor: string; reason: string | undefined; now: number }

/**
 * Keeps a mended record of a letter, to be sent by `sendMended`. It is checked against the schema of its topic first. False:
 * somebody has handled the letter since. Throws a MendError that says what is wrong with it.
 */
export async function keepMended(
  { database, codec, settings }: Reading,
  letter: Letter,
  { of, record }: ReadLetter,
  { edited, actor, reason, now }: Asked,
): Promise<boolean> {
  const original = await codec.decode(of.source, record.value)
  const before = editableText(letter.topic, original)
  if (before === edited) throw new MendError('nothing was changed. Replay it as it is.')
  const mended = mendValue(letter, original as Record<string, unknown>, edited, now)
  const topic = prefixed(settings, of.source.name)
  const value = await codec.encode(of.source, topic, mended.value).catch((error: unknown) => {
    if (error instanceof EncodeError) throw new MendError(`it does not fit its schema: ${error.message}.`)
    throw error
  })
  const mendId = idOf('mend', letter.id, letter.written_at, sha256(edited))
  const traceparent = headerText(record, 'traceparent')
  const headers = {
    ...mended.headers,
    ...{ event_id: String(mended.value['event_id']), mended_from: letter.id, replay_id: mendId },
    ...(traceparent !== undefined && { traceparent }),
    // A payload is a new one for all; anything else is for the one service that could not process it.
    ...(of.source.name !== topics.rawPayloads.name && { replay_for: of.service }),
  }
  const key = mended.key ?? letter.record_key
  if (sizeOf({ key, value, headers }) > maxRecordBytes(of.source)) throw new MendError('it is too large for its topic.')
  return database.transaction(async (tx) => {
    await lock(tx, 'edge.redrive')
    const { rowCount } = await tx.query(sql.unsafe`
      UPDATE edge.dead_letter SET claimed_by = ${mendId}, trouble = NULL
      WHERE letter_no = ${letter.letter_no} AND state = 'open' AND (claimed_by IS NULL OR claimed_by = ${mendId})`)
    if (rowCount === 0) return false
    await tx.query(sql.unsafe`
      INSERT INTO edge.mend (mend_id, letter_no, topic, key, value, headers, actor, reason, before, after)
      VALUES (${mendId}, ${letter.letter_no}, ${of.source.name}, ${key}, ${sql.binary(value)},
        ${JSON.stringify(headers)}::jsonb, ${actor}, ${reason ?? null}, ${before}, ${edited})
      ON CONFLICT (mend_id) DO NOTHING`)
    return true
  })
}

const mendRow = z.object({
  mend_id: z.string(),
  letter_no: z.number(),
  topic: z.string(),
  key: z.string().nullable(),
  value: z.string(),
  headers: z.record(z.string(), z.string()),
  actor: z.string(),
  reason: z.string().nullable(),
  before: z.string(),
  after: z.string(),
})

/** Mended records that are not sent yet, the oldest first. */
export function findMended(database: Database) {
  return database.any(sql.type(mendRow)`
    SELECT mend_id, letter_no, topic, key, encode(value, 'base64') AS value, headers, actor, reason, before, after
    FROM edge.mend WHERE sent_at IS NULL ORDER BY asked_at LIMIT 10`)
}

/** Sends a mended record, and marks its letter when Kafka has it, with an audit row. */
export async function sendMended(
  { database, producer, settings }: LetterTools,
  { mend_id, letter_no, topic, key, value, headers, actor, reason, before, after }: z.output<typeof mendRow>,
): Promise<void> {
  const record = { topic: prefixed(settings, topic), key, value: Buffer.from(value, 'base64'), headers }
  await producer.send([record])
  await database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`
      UPDATE edge.mend SET sent_at = now() WHERE mend_id = ${mend_id} AND sent_at IS NULL`)
    if (rowCount === 0) return
    await tx.query(sql.unsafe`
      UPDATE edge.dead_letter SET state = 'mended', claimed_by = NULL, handled_at = now(), handled_by = ${actor},
        handled_why = ${reason}
      WHERE letter_no = ${letter_no} AND claimed_by = ${mend_id}`)
    const subject = `dead-letter:${letter_no}`
    await writeAudit(tx, 'edge', {
      ...{ actor, kind: 'edge.dlq.mend', subject, reason, before },
      after: { event_id: headers['event_id'], content: after },
    })
  })
}
