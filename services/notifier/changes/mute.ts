import { z } from 'zod'
import { type Apply, type Asked, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { formatTime } from '#runtime/text/format.ts'
import { minuteMs } from '#runtime/text/time.ts'
import { requireBucket, requireCompany, requireNews, requirePerson } from './require.ts'

type Wanted = Payload<'notifier.mute.add'>

/** What a mute is about, as its columns. */
type Scope = {
  company: number | null
  bucket: number | null
  source: number | null
  measurement: number | null
  subjectKey: string | null
  itemKey: string | null
  worseThan: object | null
}

const idRow = z.object({ id: z.number() })

/** Mutes for a person what they name, or what a news item is about. Mutes whose time is over are removed. */
export const addMute: Apply<Wanted> = async (tx, wanted, asked) => {
  const { person, below = null, minutes } = wanted
  await requirePerson(tx, person)
  const scope = wanted.news_id === undefined ? await readScope(tx, wanted, asked) : await scopeOfNews(tx, wanted, asked)
  const until = minutes === undefined ? null : asked.at + minutes * minuteMs
  await tx.query(sql.unsafe`DELETE FROM notifier.mute WHERE user_id = ${person} AND until <= now()`)
  const { id } = await tx.one(sql.type(idRow)`
    INSERT INTO notifier.mute (user_id, company_id, bucket_id, data_source_id, source_measurement_id, subject_key, item_key,
      below, until, worse_than, created_by)
    VALUES (${person}, ${scope.company}, ${scope.bucket}, ${scope.source}, ${scope.measurement}, ${scope.subjectKey},
      ${scope.itemKey}, ${below}, to_timestamp(${until}::int8 / 1000.0),
      ${scope.worseThan && JSON.stringify(scope.worseThan)}::jsonb, ${asked.actor.name})
    RETURNING mute_id AS id`)
  return { message: describe(until, scope), before: null, after: { mute: id, ...wanted, until: isoOf(until) }, id }
}

function describe(until: number | null, { worseThan }: Scope): string {
  const time = until === null ? 'until you end the mute on your page' : `until ${formatTime(until)}`
  return worseThan ? `You get no messages about it until it gets worse.` : `You get no messages about it ${time}.`
}

const isoOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

async function readScope(tx: Transaction, wanted: Wanted, asked: Asked): Promise<Scope> {
  const { company, bucket, source, measurement, subject_key, item_key } = wanted
  if (company !== undefined) await requireCompany(tx, asked, company)
  if (bucket !== undefined) await requireBucket(tx, asked, bucket)
  const isSeries = subject_key !== undefined || item_key !== undefined
  return {
    company: company ?? null,
    bucket: bucket ?? null,
    source: source ?? null,
    measurement: measurement ?? null,
    subjectKey: isSeries ? (subject_key ?? '') : null,
    itemKey: isSeries ? (item_key ?? '') : null,
    worseThan: null,
  }
}

/** What a news item is about, which the actor must be able to see. */
async function scopeOfNews(tx: Transaction, wanted: Wanted, asked: Asked): Promise<Scope> {
  const { news_id, scope, until_worse } = wanted
  const news = await requireNews(tx, asked, news_id!)
  const { severity, importance, previous, current } = news
  return {
    company: scope === 'measurement' ? null : news.company_id,
    bucket: null,
    source: null,
    measurement: scope === 'company' ? null : news.source_measurement_id,
    subjectKey: scope === 'series' ? (news.subject_key ?? '') : null,
    itemKey: scope === 'series' ? (news.item_key ?? '') : null,
    worseThan: until_worse ? { severity, importance, previous, current } : null,
  }
}

const goneRow = z.object({ mute: z.unknown() })

/** Ends a mute of the person. */
export const removeMute: Apply<Payload<'notifier.mute.remove'>> = async (tx, { person, mute }) => {
  const gone = await tx.maybeOne(sql.type(goneRow)`
    DELETE FROM notifier.mute m WHERE mute_id = ${mute} AND user_id = ${person} RETURNING to_jsonb(m) AS mute`)
  if (!gone) throw new RefusedError(`Person ${person} has no mute ${mute}: it has ended, or was never theirs.`)
  return { message: 'You get messages about it again.', before: gone.mute, after: null, id: mute }
}
