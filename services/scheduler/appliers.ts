import { z } from 'zod'
import { type Applied, type Appliers, type Asked, RefusedError } from '#runtime/changes/apply-changes.ts'
import { changePolicy, type PolicyWords } from '#runtime/plan/read-policy.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import { changeWithRecord, writePolicy } from './policies.ts'
import { requestRun } from './request-run.ts'

/** Every change that the scheduler makes, for pages, the API and `parma schedule`. */
export const appliers: Appliers<'scheduler'> = {
  'scheduler.plan.set': (tx, { source, revision, catch_up: catchUp, ...words }, asked) =>
    onPlan(tx, { source, revision, what: 'set' }, asked, async (name, before) => {
      const given = Object.entries({ ...words, catchUp }).filter(([, word]) => word !== undefined)
      const after = changePolicy(before, Object.fromEntries(given) as PolicyWords)
      if ('problem' in after) throw new RefusedError(after.problem)
      await writePolicy(tx, source, after)
      return `The plan of ${name} is changed.`
    }),
  'scheduler.pause': (tx, { source, revision, until = null, why = null }, asked) =>
    onPlan(tx, { source, revision, what: 'pause' }, asked, async (name) => {
      if (until !== null && until <= asked.at) throw new RefusedError('The end of the pause has passed.')
      await tx.query(sql.unsafe`
        UPDATE scheduler.source_policy SET paused_at = now(), paused_until = to_timestamp(${until}::float8 / 1000), pause_reason = ${why}
        WHERE data_source_id = ${source}`)
      return `${name} is paused${until === null ? '' : ` until ${formatShortTime(until)}`}.`
    }),
  'scheduler.resume': (tx, { source, revision }, asked) =>
    onPlan(tx, { source, revision, what: 'resume' }, asked, async (name) => {
      await tx.query(sql.unsafe`
        UPDATE scheduler.source_policy SET paused_at = NULL, paused_until = NULL, pause_reason = NULL WHERE data_source_id = ${source}`)
      return `${name} runs again from its next slot.`
    }),
  'scheduler.run': async (tx, { source, companies = null }, asked) => {
    await lockSource(tx, source)
    const requested = await requestRun(tx, source, companies)
    if ('refused' in requested) throw new RefusedError(`Not started: ${requested.refused}.`)
    const id = requested.task_id
    const what = `run ${id}${companies === null ? '' : ` of company ${companies.join(', ')}`}`
    await changeWithRecord(tx, source, { by: nameOf(asked), what }, async () => undefined)
    return { id, message: `Task ${id} starts with the scheduler's next round.`, before: null, after: what }
  },
}

/** As the history of plans names who did it: a command without its prefix, as it always did. */
const nameOf = ({ actor }: Asked) => actor.name.replace(/^cli:/, '')

const rowRow = z.object({ row: z.record(z.string(), z.unknown()).nullable(), revision: z.number() })
const changerRow = z.object({ by: z.string(), at: z.number() })

/**
 * Runs `change` on the plan of a source that exists and that nobody has changed since `revision`. Two who ask at once are
 * made one after the other, so the second is told of the first.
 */
async function onPlan(
  tx: Transaction,
  { source, revision, what }: { source: number; revision: number | undefined; what: string },
  asked: Asked,
  change: (name: string, policy: Parameters<Parameters<typeof changeWithRecord>[3]>[0]) => Promise<string>,
): Promise<Applied> {
  const name = await lockSource(tx, source)
  const before = await readPlan(tx, source)
  if (revision !== undefined && before.revision !== revision) {
    const last = await tx.maybeOne(sql.type(changerRow)`
      SELECT by, at FROM scheduler.policy_change WHERE change_no = ${before.revision}`)
    const who = last ? `${last.by} changed it at ${formatShortTime(last.at)}` : 'somebody changed it'
    throw new RefusedError(`Nothing was changed, because ${who}, after this page was opened. Look at it again.`)
  }
  let message = ''
  await changeWithRecord(tx, source, { by: nameOf(asked), what }, async (policy) => {
    message = await change(name, policy)
  })
  const after = await readPlan(tx, source)
  return { message, before: before.row, after: after.row }
}

async function lockSource(tx: Transaction, source: number): Promise<string> {
  const found = await tx.maybeOne(sql.type(z.object({ name: z.string() }))`
    SELECT source_name AS name FROM public.data_source WHERE id = ${source} FOR NO KEY UPDATE`)
  if (found === null) throw new RefusedError(`There is no source ${source} any more. Nothing was changed.`)
  return found.name
}

function readPlan(tx: Transaction, source: number) {
  return tx.one(sql.type(rowRow)`
    SELECT (SELECT to_jsonb(p) - 'data_source_id' FROM scheduler.source_policy p WHERE data_source_id = ${source}) AS row,
      coalesce((SELECT revision FROM scheduler.plan_view WHERE data_source_id = ${source}), 0) AS revision`)
}
