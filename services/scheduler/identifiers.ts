import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from './config.ts'
import { type Discovery, type LinkedCompany, missBackOff } from './read-discovery.ts'

const companyRow = z.object({
  data_source_id: z.number(),
  link_id: z.number(),
  company_id: z.number(),
  name: z.string(),
  identifiers: z.array(
    z.object({
      type: z.enum(['AUTOMATICALLY_DISCOVERED', 'MANUALLY_ADDED']),
      property: z.string(),
      value: z.string(),
      expired: z.boolean(),
    }),
  ),
  miss: z
    .object({ verdict: z.enum(['empty', 'failed']), reason: z.string(), failures: z.number(), waiting: z.boolean() })
    .nullable(),
})

/**
 * The companies linked to each of these sources, by source id, with their identifiers and their last failed discovery.
 * All sources in one statement, because the identifiers have no index and each statement reads them all.
 */
export async function readCompanies(
  database: Database,
  sourceIds: readonly number[],
  onlyActive: boolean,
): Promise<Map<number, LinkedCompany[]>> {
  const rows = await database.any(sql.type(companyRow)`
    SELECT l.data_source_id, l.id AS link_id, c.id AS company_id, c.name,
      coalesce(json_agg(json_build_object('type', i.identifier_type, 'property', i.property, 'value', i.value,
        'expired', i.validity < ${utcNow}) ORDER BY i.id) FILTER (WHERE i.id IS NOT NULL), '[]') AS identifiers,
      CASE WHEN d.verdict IS NOT NULL THEN
        json_build_object('verdict', d.verdict, 'reason', d.reason, 'failures', d.failures, 'waiting', d.retry_at > now()) END AS miss
    FROM public.company_data_source l
    JOIN public.company c ON c.id = l.company_id
    LEFT JOIN public.company_data_source_identifier i ON i.company_data_source_id = l.id
    LEFT JOIN scheduler.discovery d ON d.data_source_id = l.data_source_id AND d.company_id = l.company_id
    WHERE l.data_source_id = ANY(${sql.array([...sourceIds], 'int4')}) AND (l.is_data_source_active OR ${!onlyActive})
    GROUP BY l.id, c.id, d.verdict, d.reason, d.failures, d.retry_at
    ORDER BY c.id`)
  return Map.groupBy(rows, ({ data_source_id }) => data_source_id)
}

/** How long discovered identifiers hold when the module does not say: about as long as modules say. */
const validityDays = 180

/** A company for which discovery found nothing is looked up again after a day, then after twice as long each time. */
const emptySeconds = 86_400

/** The longest wait between two discoveries of a company: a week. */
const maxSeconds = 604_800

/**
 * Stores the result of a discovery. Found identifiers replace the discovered ones of the company, never the manual
 * ones. A discovery without a result deletes nothing and starts a back-off in which the company is not looked up again.
 */
export async function storeDiscovery(
  settings: Config,
  database: Database,
  sourceId: number,
  { link_id, company_id, miss }: LinkedCompany,
  discovery: Discovery,
): Promise<void> {
  if (discovery.verdict === 'found') {
    const rows = discovery.identifiers.map(({ property, value }) => [property, value])
    const given = discovery.valid_until === null ? null : discovery.valid_until / 1000
    await database.transaction(async (tx) => {
      await tx.query(sql.unsafe`
        DELETE FROM scheduler.discovery WHERE data_source_id = ${sourceId} AND company_id = ${company_id}`)
      await tx.query(sql.unsafe`
        DELETE FROM public.company_data_source_identifier
        WHERE company_data_source_id = ${link_id} AND identifier_type = 'AUTOMATICALLY_DISCOVERED'`)
      // The link may have been deleted in between: then nothing is inserted.
      await tx.query(sql.unsafe`
        INSERT INTO public.company_data_source_identifier (company_data_source_id, identifier_type, property, value, validity)
        SELECT l.id, 'AUTOMATICALLY_DISCOVERED', found.property, found.value, (CASE
            WHEN to_timestamp(${given}::float8) > now() THEN to_timestamp(${given}::float8)
            ELSE now() + ${validityDays} * interval '1 day'
          END) AT TIME ZONE 'UTC'
        FROM ${sql.unnest(rows, ['text', 'text'])} AS found (property, value)
        JOIN public.company_data_source l ON l.id = ${link_id}
        FOR KEY SHARE OF l`)
    })
    return
  }
  const { failures, seconds } = missBackOff(discovery.verdict, miss, {
    emptySeconds,
    failedSeconds: settings.DISCOVERY_FAILED_SECONDS,
    maxSeconds,
  })
  await database.query(sql.unsafe`
    INSERT INTO scheduler.discovery (data_source_id, company_id, verdict, reason, failures, tried_at, retry_at)
    VALUES (${sourceId}, ${company_id}, ${discovery.verdict}, ${discovery.reason}, ${failures}, now(),
      now() + ${seconds} * interval '1 second')
    ON CONFLICT (data_source_id, company_id) DO UPDATE
    SET verdict = excluded.verdict, reason = excluded.reason, failures = excluded.failures,
      tried_at = excluded.tried_at, retry_at = excluded.retry_at`)
}
