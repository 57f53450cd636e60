import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { SubjectState } from '../detect/judge-items.ts'
import { addFeedsAgain } from '../rhythm/due-feeds.ts'
import { readTraces, writeTraces } from '../suspect/traces.ts'
import {
  endWithholding,
  listChanging,
  readContent,
  readWithheldTimes,
  type WithheldPayload,
} from '../suspect/withheld.ts'
import { indexable } from '../values/indexable.ts'
import { seriesKey, type Subject, subjectKey } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { newsOf } from '../words/compose-news.ts'
import { readNewsById } from '../store/news.ts'
import { keepStates, readStates, writeStates } from '../store/series-states.ts'
import { readSubjects, writeSubjects } from '../store/subject-states.ts'

/**
 * What becomes of withheld payloads. `released`: their states count and their news items go out. `unverified`: the same, but
 * the news items say so, and stand in digests only. `dropped`: nothing of what is flagged takes effect; news items that are
 * not flagged go out.
 */
export type End = 'released' | 'unverified' | 'dropped'

/** Ends the withholding of these payloads of one run. Returns how many news items go out. */
export async function settlePayloads(tx: Transaction, payloads: readonly WithheldPayload[], end: End): Promise<number> {
  if (payloads.length === 0) return 0
  await keepStates(
    tx,
    payloads.map(({ company_id }) => ({ company_id: String(company_id) })),
  )
  // The newest first: states that are newer already are left alone.
  if (end !== 'dropped') for (const payload of payloads.toReversed()) await applyStates(tx, payload)
  const eventIds = payloads.map(({ event_id }) => event_id)
  const changing = await listChanging(tx, eventIds)
  await addFeedsAgain(
    tx,
    payloads.filter(({ event_id }) => changing.has(event_id)),
  )
  const newsIds = await endWithholding(tx, eventIds, end === 'dropped' ? 'flagged' : 'none')
  if (newsIds.length === 0) return 0
  if (end === 'unverified') await markUnverified(tx, newsIds)
  else await showNews(tx, newsIds)
  const rows = await readNewsById(tx, newsIds)
  const traces = new Map(payloads.map(({ event_id, traceparent }) => [event_id, traceparent]))
  const sizes = Map.groupBy(rows, ({ event_id }) => event_id)
  await addToOutbox(
    tx,
    'analyzer',
    rows.map((row) => ({
      ...newsOf({ ...row, group_size: sizes.get(row.event_id)!.length }),
      ...(traces.get(row.event_id) && { traceparent: traces.get(row.event_id)! }),
    })),
  )
  return rows.length
}

/** Has the states after a payload count, where no later one has taken their place. */
async function applyStates(tx: Transaction, payload: WithheldPayload): Promise<void> {
  const { data_source_id, subject_key, observed_at: observedAt } = payload
  const { trace, subject: ofSubject, series } = await readContent(tx, payload.event_id)
  const subject: Subject = { company_id: String(payload.company_id), data_source_id, subject_key }
  const known = series.map((one) => ({ ...one, subject_key, key: seriesKey({ subject_key }, one) }))
  const states = await readStates(tx, known)
  const times = await readWithheldTimes(tx, payload)
  const next = known.flatMap(({ key, before, state }): [string, SeriesState][] => {
    const now = states.get(key)
    if ((now?.eventNo ?? null) === before) return [[key, state]]
    if (!now) return []
    if (now.observedAt > observedAt) return [[key, withoutSignal(now)]]
    // The state of an earlier withheld payload counts by now.
    return now.observedAt < observedAt && times.has(now.observedAt) ? [[key, withoutSignal(state)]] : []
  })
  await writeStates(tx, known, new Map(next))
  // Written by judgeWatched alone.
  const state = ofSubject as SubjectState | null
  const newest = (await readSubjects(tx, [subject])).get(subjectKey(subject))
  if (state && (!newest || newest.observedAt <= state.observedAt)) await writeSubjects(tx, [{ subject, state }])
  if (!trace) return
  const stored = { ...subject, subject_key: indexable(subject_key) }
  const last = (await readTraces(tx, [stored])).get(subjectKey(stored))
  if (!last || last.observedAt <= observedAt) await writeTraces(tx, [{ subject: stored, observedAt, trace }])
}

/**
 * Of two states that follow from the same one, each lacks what the other knows: what the detectors remember is rebuilt from
 * all values when the next one comes.
 */
function withoutSignal({ signal: _, ...state }: SeriesState): SeriesState {
  return state
}

/** Shows news items in parma-web's feed. */
async function showNews(tx: Transaction, newsIds: readonly string[]): Promise<void> {
  await tx.query(sql.unsafe`
    WITH shown AS (
      UPDATE analyzer.news SET public_news_id = nextval(pg_get_serial_sequence('public.news', 'id'))
      WHERE news_id = ANY(${column(newsIds, 'uuid', (id) => id)}) AND public_news_id IS NULL
        AND EXISTS (SELECT FROM public.company WHERE id = company_id)
        AND EXISTS (SELECT FROM public.data_source WHERE id = data_source_id)
        AND EXISTS (SELECT FROM public.source_measurement WHERE id = source_measurement_id)
      RETURNING *
    )
    INSERT INTO public.news (id, title, message, trigger_factor, timestamp, company_id, data_source_id,
      source_measurement_id, created_at, modified_at)
    SELECT public_news_id, title, message, round(abs(trigger_factor)::numeric, 2)::float8::text,
      observed_at AT TIME ZONE 'UTC', company_id, data_source_id, source_measurement_id,
      least(observed_at AT TIME ZONE 'UTC', ${utcNow}), ${utcNow}
    FROM shown`)
}

async function markUnverified(tx: Transaction, newsIds: readonly string[]): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE analyzer.news SET title = 'Unverified: ' || title, facts = facts || '{"unverified": "true"}',
      message = message || ' Unverified: the run that brought it looked wrong, and nobody has decided about it.'
    WHERE news_id = ANY(${column(newsIds, 'uuid', (id) => id)})`)
}

/** Says in news items of which payload something looked wrong. `marks`: by event id. */
export async function markNews(tx: Transaction, marks: ReadonlyMap<string, string>): Promise<void> {
  const rows = [...marks]
  if (rows.length === 0) return
  await tx.query(sql.unsafe`
    UPDATE analyzer.news n SET facts = facts || jsonb_build_object('suspect', m.mark)
    FROM unnest(${column(rows, 'uuid', ([id]) => id)}, ${column(rows, 'text', ([, mark]) => mark)}) AS m (event_id, mark)
    WHERE n.event_id = m.event_id AND n.replay_id = ''`)
}
