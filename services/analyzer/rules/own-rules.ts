import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { OwnRow } from './compile-rules.ts'
import { ruleDefinition } from './read-definition.ts'

const ownRow = z.object({ rule_id: z.string(), version: z.number(), definition: z.unknown() })
const memberRow = z.object({ bucket_id: z.number(), company_id: z.number() })

type Connection = Pick<Database, 'any'>

/** The newest version of each of our own rules, the oldest rule first. */
export async function readOwnRules(connection: Connection): Promise<OwnRow[]> {
  const rows = await connection.any(sql.type(ownRow)`
    SELECT rule_id, version, definition FROM (
      SELECT DISTINCT ON (rule_id) rule_id, version, definition FROM analyzer.rule
      WHERE rule_id LIKE 'rule/%' ORDER BY rule_id, version DESC
    ) newest ORDER BY length(rule_id), rule_id`)
  return addBucketCompanies(connection, rows)
}

/** Adds to each rule the companies that are in its buckets now. */
export async function addBucketCompanies<T extends { definition: unknown }>(
  connection: Connection,
  rows: readonly T[],
) {
  const buckets = rows.map(({ definition }) => ruleDefinition.safeParse(definition).data?.scope.buckets ?? [])
  const asked = [...new Set(buckets.flat())]
  const members =
    asked.length === 0
      ? []
      : await connection.any(sql.type(memberRow)`
          SELECT bucket_id, company_id FROM public.company_bucket_membership
          WHERE bucket_id = ANY(${sql.array(asked, 'int4')}) ORDER BY bucket_id, company_id`)
  return rows.map((row, index) => ({
    ...row,
    bucketCompanies: members
      .filter(({ bucket_id }) => buckets[index]!.includes(bucket_id))
      .map((one) => one.company_id),
  }))
}
