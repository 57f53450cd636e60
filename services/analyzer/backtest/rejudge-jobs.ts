import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { NewsCounts } from './count-news.ts'

const jobRow = z.object({
  rejudge_no: z.number(),
  last_company: z.number(),
  // Written here alone.
  counts: z.custom<NewsCounts>(),
})

/** A row of analyzer.rejudge, as this process works on it. `isResumed`: another process began it. */
export type RejudgeJob = z.infer<typeof jobRow> & { runner: string; isResumed: boolean }

/** What identifies a job: the options, and a hash of the rules and settings by which it judges. */
export type Identity = { asked: Record<string, unknown>; criteriaHash: string }

/** Goes on with the unfinished job of this identity, which another process then leaves to this one; or begins one. */
export async function beginJob(
  database: Database,
  { asked, criteriaHash }: Identity,
  counts: NewsCounts,
): Promise<RejudgeJob> {
  const runner = randomUUID()
  const json = JSON.stringify(asked)
  const resumed = await database.maybeOne(sql.type(jobRow)`
    UPDATE analyzer.rejudge SET runner = ${runner} WHERE rejudge_no = (
      SELECT max(rejudge_no) FROM analyzer.rejudge WHERE finished_at IS NULL AND asked = ${json}::jsonb
    ) AND criteria_hash = ${criteriaHash}
    RETURNING rejudge_no, last_company, counts`)
  if (resumed) return { ...resumed, runner, isResumed: true }
  const begun = await database.one(sql.type(jobRow)`
    INSERT INTO analyzer.rejudge (asked, criteria_hash, runner, counts)
    VALUES (${json}::jsonb, ${criteriaHash}, ${runner}, ${JSON.stringify(counts)}::jsonb)
    RETURNING rejudge_no, last_company, counts`)
  return { ...begun, runner, isResumed: false }
}

/** Notes that the states of a company are rebuilt, in the transaction that writes them. */
export async function noteCompany(
  tx: Transaction,
  { rejudge_no, runner }: RejudgeJob,
  company: number,
  counts: NewsCounts,
): Promise<void> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE analyzer.rejudge SET last_company = ${company}, counts = ${JSON.stringify(counts)}::jsonb
    WHERE rejudge_no = ${rejudge_no} AND runner = ${runner} AND finished_at IS NULL`)
  if (rowCount === 0)
    throw new UsageError('Another `parma rejudge` with the same options has taken over and goes on from here.')
}

export async function finishJob(database: Pick<Database, 'query'>, { rejudge_no, runner }: RejudgeJob): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE analyzer.rejudge SET finished_at = now() WHERE rejudge_no = ${rejudge_no} AND runner = ${runner}`)
}
