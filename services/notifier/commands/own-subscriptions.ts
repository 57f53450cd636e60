import { z } from 'zod'
import { findBucket, findCompany, findSource } from '#runtime/commands/command-database.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { requireChannelOf } from './channel-store.ts'

/** The options of an own subscription (notifier.subscription), as typed. */
export type SubscriptionOptions = {
  company?: string
  allCompanies?: boolean
  channel?: string
  bucket?: string
  source?: string
  severity?: string
  kind?: string[]
  onlyChannel?: string
}

/** Whether parma-web’s subscriptions cannot express these options. */
export const isOwn = ({ bucket, source, severity, kind, onlyChannel }: SubscriptionOptions): boolean =>
  [bucket, source, severity, kind, onlyChannel].some((one) => one !== undefined)

/** A row `s` of notifier.subscription in words. */
export const ownName = sql.fragment`concat_ws(', ',
  'company ' || coalesce((SELECT name FROM public.company WHERE id = s.company_id), s.company_id::text),
  'bucket ' || coalesce((SELECT title FROM public.bucket WHERE id = s.bucket_id), s.bucket_id::text),
  'source ' || coalesce((SELECT source_name FROM public.data_source WHERE id = s.data_source_id), s.data_source_id::text),
  CASE WHEN s.company_id IS NULL AND s.bucket_id IS NULL THEN 'all companies' END,
  CASE s.min_severity WHEN 'info' THEN NULL ELSE s.min_severity || ' and above' END,
  'kinds ' || array_to_string(s.kinds, ' '), 'at channel ' || s.channel_id)`

/** Adds an own subscription. Returns false if it exists. */
export async function addOwn(database: Transaction, person: number, wanted: SubscriptionOptions): Promise<boolean> {
  if ([wanted.company, wanted.bucket, wanted.allCompanies].filter((one) => one !== undefined).length > 1)
    throw new UsageError('Give one of --company, --bucket and --all-companies.')
  if (wanted.channel !== undefined)
    throw new UsageError(
      '--channel adds a person to a channel. To send this subscription to one channel only, use --only-channel.',
    )
  const company = wanted.company === undefined ? null : await findCompany(database, wanted.company)
  const bucket = wanted.bucket === undefined ? null : await findBucket(database, wanted.bucket)
  const source = wanted.source === undefined ? null : await findSource(database, wanted.source)
  const channel =
    wanted.onlyChannel === undefined
      ? null
      : await requireChannelOf(database, person, '--only-channel', wanted.onlyChannel)
  const kinds = wanted.kind === undefined ? sql.fragment`NULL::text[]` : sql.fragment`${sql.array(wanted.kind, 'text')}`
  const { rowCount } = await database.query(sql.unsafe`
    WITH wanted AS (
      SELECT ${person}::int AS user_id, ${company}::int AS company_id, ${bucket}::int AS bucket_id,
        ${source}::int AS data_source_id, ${wanted.severity ?? 'info'}::text AS min_severity, ${kinds} AS kinds, ${channel}::int AS channel_id
    )
    INSERT INTO notifier.subscription (user_id, company_id, bucket_id, data_source_id, min_severity, kinds, channel_id)
    SELECT * FROM wanted WHERE NOT EXISTS (
      SELECT FROM notifier.subscription s
      WHERE (s.user_id, s.company_id, s.bucket_id, s.data_source_id, s.min_severity, s.kinds, s.channel_id)
        IS NOT DISTINCT FROM (wanted.user_id, wanted.company_id, wanted.bucket_id, wanted.data_source_id, wanted.min_severity, wanted.kinds, wanted.channel_id))`)
  return rowCount > 0
}

const editedRow = z.object({ person: z.number(), row: z.unknown() })

/** Changes an own subscription. What is not given stays; `all` removes a limit. Returns whose it is and how it was and is. */
export async function editOwn(
  database: Transaction,
  id: number,
  { severity, kind, onlyChannel }: SubscriptionOptions,
): Promise<{ person: number; before: unknown; after: unknown }> {
  const read = () =>
    database.maybeOne(sql.type(editedRow)`
      SELECT user_id AS person, to_jsonb(s) - 'user_id' - 'created_at' AS row FROM notifier.subscription s
      WHERE subscription_id = ${id} FOR UPDATE`)
  const known = await read()
  if (known === null) throw new UsageError(`There is no subscription ${id}. \`parma subscriptions ls\` shows the ids.`)
  const isAll = (text: string | undefined) => text === 'all'
  const channel =
    onlyChannel === undefined || isAll(onlyChannel)
      ? null
      : await requireChannelOf(database, known.person, '--only-channel', onlyChannel)
  const kinds =
    kind === undefined || isAll(kind[0]) ? sql.fragment`NULL::text[]` : sql.fragment`${sql.array(kind, 'text')}`
  await database.query(sql.unsafe`
    UPDATE notifier.subscription SET min_severity = coalesce(${severity ?? null}, min_severity),
      kinds = CASE WHEN ${kind === undefined} THEN kinds ELSE ${kinds} END,
      channel_id = CASE WHEN ${onlyChannel === undefined} THEN channel_id ELSE ${channel}::int END
    WHERE subscription_id = ${id}`)
  return { person: known.person, before: known.row, after: (await read())?.row ?? null }
}

/** An own subscription of a person, as a table with a condition. */
export const ownRow = (person: number, id: number) =>
  sql.fragment`notifier.subscription WHERE subscription_id = ${id} AND user_id = ${person}`
