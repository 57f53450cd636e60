import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { indexable } from '../values/indexable.ts'
import type { Payload } from '../values/payload.ts'

const runRow = z.object({
  run_no: z.number(),
  data_source_id: z.number(),
  task_id: z.number().nullable(),
  state: z.enum(['open', 'suspect', 'released', 'dropped', 'unverified']),
  alike: z.array(z.string()),
})
export type Run = z.output<typeof runRow>

/** Finds the run of each payload, and opens those that are not there yet. `windowSeconds`: how long one without a task lasts. */
export async function findRuns(
  tx: Transaction,
  payloads: readonly Payload[],
  windowSeconds: number,
): Promise<Map<Payload, Run>> {
  const withTask = payloads.filter(({ task_id }) => task_id !== null)
  const byTask = await findTaskRuns(tx, withTask)
  const runs = new Map(withTask.map((payload) => [payload, byTask.get(taskOf(payload))!]))
  const others = Map.groupBy(
    payloads.filter(({ task_id }) => task_id === null),
    ({ data_source_id }) => data_source_id,
  )
  // In one order everywhere, for the locks.
  for (const [source, some] of [...others].sort(([a], [b]) => a - b))
    for (const [payload, run] of await findWindowRuns(tx, source, some, windowSeconds)) runs.set(payload, run)
  return runs
}

const taskOf = ({ data_source_id, task_id }: Pick<Payload, 'data_source_id' | 'task_id'>) =>
  `${data_source_id}/${task_id}`

async function findTaskRuns(
  connection: Pick<Database, 'any' | 'query'>,
  payloads: readonly Pick<Payload, 'data_source_id' | 'source_name' | 'task_id'>[],
): Promise<Map<string, Run>> {
  if (payloads.length === 0) return new Map()
  const distinct = [...new Map(payloads.map((one) => [taskOf(one), one])).values()]
  const select = async () => {
    const of = columnsOf(distinct)
    const rows = await connection.any(sql.type(runRow)`
      SELECT run_no, data_source_id, task_id, state, alike
      FROM unnest(${of('int4', (one) => one.data_source_id)}, ${of('int4', ({ task_id }) => task_id)})
        AS k (data_source_id, task_id) JOIN analyzer.judged_run USING (data_source_id, task_id)`)
    return new Map(rows.map((row) => [taskOf(row), row]))
  }
  const known = await select()
  const missing = distinct.filter((one) => !known.has(taskOf(one))).sort((a, b) => (taskOf(a) < taskOf(b) ? -1 : 1))
  if (missing.length === 0) return known
  const of = columnsOf(missing)
  await connection.query(sql.unsafe`
    INSERT INTO analyzer.judged_run (data_source_id, source_name, task_id)
    SELECT * FROM unnest(${of('int4', (one) => one.data_source_id)}, ${of('text', ({ source_name }) => source_name)},
      ${of('int4', ({ task_id }) => task_id)})
    ON CONFLICT (data_source_id, task_id) WHERE task_id IS NOT NULL DO NOTHING`)
  return select()
}

const windowRow = runRow.extend({ companies: z.array(z.string()) })
type WindowRun = z.output<typeof windowRow>

/** What of a payload decides about its run. */
type Member = Pick<Payload, 'event_id' | 'company_id' | 'data_source_id' | 'source_name' | 'subject_key'>

const memberOf = ({ company_id, subject_key }: Member) => `${company_id}/${indexable(subject_key)}`

/**
 * Opens the runs that these observations need, so that findRuns finds them: who opens one there keeps others waiting
 * until the end of a transaction that judges.
 */
export async function openRuns(
  database: Database,
  observations: readonly Observation[],
  windowSeconds: number,
): Promise<void> {
  const live = observations.filter(
    ({ replay_id, history, part, parts }) => replay_id === null && !history && part === parts,
  )
  await findTaskRuns(
    database,
    live.filter(({ task_id }) => task_id !== null),
  )
  const others = live.filter(({ task_id }) => task_id === null)
  for (const [source, ofSource] of Map.groupBy(others, ({ data_source_id }) => data_source_id))
    if (!(await hasRoom(database, source, ofSource, windowSeconds)))
      await database.transaction((tx) => openWindows(tx, source, ofSource, windowSeconds))
}

const roomRow = z.object({ has_room: z.boolean() })

/** Whether the newest run of the last minutes has none of these yet. */
async function hasRoom(
  database: Pick<Database, 'any'>,
  source: number,
  payloads: readonly Member[],
  windowSeconds: number,
): Promise<boolean> {
  if (new Set(payloads.map(memberOf)).size < payloads.length) return false
  const of = columnsOf(payloads)
  const rows = await database.any(sql.type(roomRow)`
    SELECT NOT EXISTS (
      SELECT FROM analyzer.run_evidence e
      WHERE e.run_no = r.run_no AND e.company_id || '/' || e.subject_key = ANY(${of('text', memberOf)})
        AND e.event_id <> ALL(${of('uuid', ({ event_id }) => event_id)})
    ) AS has_room
    FROM analyzer.judged_run r
    WHERE r.data_source_id = ${source} AND r.task_id IS NULL
      AND r.opened_at > clock_timestamp() - ${windowSeconds} * interval '1 s'
    ORDER BY r.run_no DESC LIMIT 1`)
  return rows[0]?.has_room ?? false
}

async function findWindowRuns(
  tx: Transaction,
  source: number,
  payloads: readonly Payload[],
  windowSeconds: number,
): Promise<Map<Payload, Run>> {
  const { runs, missing } = assign(payloads, await readWindows(tx, source, payloads, windowSeconds))
  return missing === 0 ? runs : assign(payloads, await openWindows(tx, source, payloads, windowSeconds)).runs
}

/** Opens the runs that are missing. Returns all. */
async function openWindows(
  tx: Transaction,
  source: number,
  payloads: readonly Member[],
  windowSeconds: number,
): Promise<WindowRun[]> {
  await lock(tx, 'analyzer.judged_run', source)
  const windows = await readWindows(tx, source, payloads, windowSeconds)
  const { missing } = assign(payloads, windows)
  const opened = await tx.any(sql.type(runRow)`
    INSERT INTO analyzer.judged_run (data_source_id, source_name, opened_at)
    SELECT ${source}, ${payloads[0]!.source_name}, clock_timestamp() FROM generate_series(1, ${missing})
    RETURNING run_no, data_source_id, task_id, state, alike`)
  return [...windows, ...opened.map((run) => ({ ...run, companies: [] }))]
}

/** Gives each payload the first run in which its company has not been. `missing`: how many runs are to be opened. */
function assign<T extends Member>(payloads: readonly T[], windows: readonly WindowRun[]) {
  const members = windows.map(({ companies }) => new Set(companies))
  const runs = new Map<T, Run>()
  for (const payload of payloads) {
    let at = members.findIndex((some) => !some.has(memberOf(payload)))
    if (at < 0) at = members.push(new Set()) - 1
    members[at]!.add(memberOf(payload))
    const run = windows[at]
    if (run) runs.set(payload, run)
  }
  return { runs, missing: members.length - windows.length }
}

/** The runs of the last minutes, with those of the payloads' companies that they know of other payloads. */
async function readWindows(
  connection: Pick<Database, 'any'>,
  source: number,
  payloads: readonly Member[],
  windowSeconds: number,
): Promise<readonly WindowRun[]> {
  const of = columnsOf(payloads)
  return connection.any(sql.type(windowRow)`
    SELECT r.run_no, r.data_source_id, r.task_id, r.state, r.alike, ARRAY(
      SELECT e.company_id || '/' || e.subject_key FROM analyzer.run_evidence e
      WHERE e.run_no = r.run_no AND e.company_id = ANY(${of('int4', ({ company_id }) => Number(company_id))})
        AND e.event_id <> ALL(${of('uuid', ({ event_id }) => event_id)})
    ) AS companies
    FROM analyzer.judged_run r
    WHERE r.data_source_id = ${source} AND r.task_id IS NULL
      AND r.opened_at > clock_timestamp() - ${windowSeconds} * interval '1 s'
    ORDER BY r.run_no`)
}
