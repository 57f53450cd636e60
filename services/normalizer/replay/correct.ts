import { z } from 'zod'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Apply } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { coerce, type Coerced, type ValueType } from '#runtime/read/coerce.ts'
import { parse } from '#runtime/read/parse.ts'
import { takeEventNos } from '../ledger/ledger-rows.ts'
import { insertValues, readValues, type StoredValue } from '../store/values.ts'
import { widenMeasurements } from '../store/widen.ts'
import { sampleOf } from './report.ts'
import { supersedeValues } from './supersede.ts'
import { noteUnsent } from './unsent.ts'

const eventRow = z.object({
  event_no: z.number(),
  observed_at: z.number(),
  company_id: z.string(),
  data_source_id: z.number(),
  subject_key: z.string(),
})
type Event = z.output<typeof eventRow>

/**
 * Puts a value in the place of one that is wrong. The wrong one is kept, and who says so, and why. To undo it is to correct
 * it again.
 */
export const correctValue: Apply<Payload<'normalizer.value.correct'>> = async (tx, asked, { actor }) => {
  const event = await findEvent(tx, asked.event_id)
  const value = await findValue(tx, event, asked)
  const before = sampleOf(value)
  if (asked.was !== undefined && asked.was !== before)
    throw new RefusedError(`It is no longer ${asked.was} but ${before}: somebody else has changed it. Look again.`)
  if (asked.revision !== undefined && asked.revision !== (value.generation_no ?? 0))
    throw new RefusedError(`It is ${before} now: somebody has changed it since you looked. Look again.`)
  const coerced = readNew(value, asked.value)
  const corrected = { ...value, ...coerced }
  const after = sampleOf(corrected)
  if (before === after) return { message: `It is ${after} already.`, before: null, after: null }
  const typesAreKept = await widenMeasurements(tx, [corrected])
  const [correctionNo] = (await takeEventNos(tx, 1)) as [number]
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.processed_event (event_no, event_id, replay_id, content_hash, document, data_source_id, source_name,
      company_id, task_id, received_at, history, observed_at, map_version, subject_key, list_revision, empty_lists, stored,
      nulls, unmapped, refused, reason)
    OVERRIDING SYSTEM VALUE
    SELECT ${correctionNo}, event_id, 'correction/' || ${correctionNo}::text, content_hash, document, data_source_id,
      source_name, company_id, task_id, received_at, history, observed_at, map_version, subject_key, list_revision,
      empty_lists, stored, nulls, unmapped, refused, reason
    FROM normalizer.processed_event
    WHERE event_id = ${asked.event_id}::uuid AND reason IS NULL AND ${typesAreKept} ORDER BY event_no DESC LIMIT 1`)
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.correction (event_no, first_no, seq, path, actor, reason)
    VALUES (${correctionNo}, ${event.event_no}, ${value.seq}, ${value.path}, ${actor.name}, ${asked.reason})`)
  await supersedeValues(tx, [{ value, observed_at: event.observed_at, by: correctionNo }])
  const { event_no, observed_at, data_source_id, subject_key } = event
  await insertValues(tx, [
    {
      ...{ event_no, observed_at, data_source_id, subject_key, company_id: Number(event.company_id) },
      ...{ replay_no: value.replay_no, generation_no: correctionNo, values: [corrected] },
    },
  ])
  await noteUnsent(tx, [{ event_no: correctionNo, has_replaced: true }])
  return {
    message: `${value.path} is ${after} now, and was ${before}.`,
    before: { path: value.path, value: before },
    after: { path: value.path, value: after, reason: asked.reason },
  }
}

/** The first row of an event, and waits until nobody else changes values of its company and source. */
async function findEvent(tx: Transaction, eventId: string): Promise<Event> {
  const event = await tx.maybeOne(sql.type(eventRow)`
    SELECT event_no, observed_at, company_id, data_source_id, subject_key FROM normalizer.processed_event
    WHERE event_id = ${eventId}::uuid ORDER BY event_no LIMIT 1`)
  if (event === null) throw new RefusedError(`There is no payload ${eventId}.`)
  await tx.query(sql.unsafe`
    SELECT FROM normalizer.last_observed
    WHERE company_id = ${event.company_id} AND data_source_id = ${event.data_source_id} FOR UPDATE`)
  return event
}

async function findValue(
  tx: Transaction,
  event: Event,
  { path, item, seq }: Payload<'normalizer.value.correct'>,
): Promise<StoredValue> {
  const all = await readValues(tx, [event])
  const found = all.filter(
    (one) =>
      one.path === path &&
      (item === undefined || (one.item_key ?? '') === item) &&
      (seq === undefined || one.seq === seq),
  )
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    const items = found.map(({ item_key }) => JSON.stringify(item_key ?? '')).slice(0, 10)
    throw new RefusedError(
      `The payload has ${found.length} values at ${path}: name the item, one of ${items.join(', ')}.`,
    )
  }
  const paths = [...new Set(all.map((one) => one.path))].slice(0, 20)
  throw new RefusedError(
    paths.length === 0 ? 'The payload has no values.' : `The payload has no such value. It has ${paths.join(', ')}.`,
  )
}

const limits = { MAX_LEAVES: 100_000, MAX_DEPTH: 3 }

/** A value as people type it, by the type of the one that it replaces. A list is JSON. */
function readNew({ type, members }: StoredValue, text: string): Coerced {
  const parsed = members === null ? null : parse(text, limits)
  const isList = parsed !== null && !parsed.problem && parsed.root.kind === 'list'
  if (members !== null && !isList) throw new RefusedError('The value is a list: give a list in JSON.')
  const node = isList ? parsed.root : { kind: 'text' as const, value: text, seq: 0, leaves: 1 }
  const coerced = coerce(type as ValueType, node as Parameters<typeof coerce>[1])
  if (typeof coerced === 'string')
    throw new RefusedError(`${JSON.stringify(text)} is no ${type}: ${coerced.replaceAll('-', ' ')}.`)
  return coerced
}
