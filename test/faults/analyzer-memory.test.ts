import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { heapFlags } from '../../deploy/service-values.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { commands } from '../../services/analyzer/commands.ts'
import { type AnalyzerBench, installAnalyzer, start } from '../harness/analyzer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

const size = { companies: 150, items: 1000 }
const suspect = <T>(...args: string[]) => runCommand<T>(commands['suspect'], ...args)

let analyzer: AnalyzerBench
beforeAll(async () => {
  analyzer = await installAnalyzer({ NODE_OPTIONS: heapFlags('analyzer')[0] })
})

test('a suspect run of 150,000 numbers is held and released with the heap of a pod', { timeout: 600_000 }, async () => {
  const { database } = analyzer.installation
  const ids = async (statement: string, values: unknown[]) =>
    (await database.query<{ id: number }>(statement, values)).map(({ id }) => id)
  const [source] = await ids(
    `INSERT INTO public.data_source (source_name, is_active, frequency, health_status, modified_at)
     VALUES ('github', true, 'DAILY', 'UP', now()) RETURNING id`,
    [],
  )
  const [measurement] = await ids(
    `INSERT INTO public.source_measurement (source_module_id, type, measurement_name, modified_at)
     VALUES ($1, 'int', 'stars', now()) RETURNING id`,
    [source],
  )
  const companies = await ids(
    `INSERT INTO public.company (name, modified_at) SELECT 'company ' || n, now() FROM generate_series(1, $1::int) n RETURNING id`,
    [size.companies],
  )
  let eventNo = 0
  const run = (task: number, day: number, numberOf: (at: number, item: number) => number) =>
    companies.map((company, at): Observation => ({
      ...{ event_id: randomUUID(), event_no: ++eventNo, part: 1, parts: 1, data_source_id: source! },
      ...{ source_name: 'github', company_id: String(company), task_id: task, map_version: 1 },
      ...{ observed_at: start + day * 86_400_000, history: false, replay_id: null, subject_key: '' },
      ...{ refused: 0, empty_lists: [] },
      values: Array.from({ length: size.items }, (_, seq) => ({
        ...{ seq, source_measurement_id: measurement!, company_measurement_id: company, measurement_name: 'stars' },
        ...{ type: 'int', path: 'repos.stars', item_key: `repo-${seq}`, item_label: null, number: numberOf(at, seq) },
        ...{ text: null, date: null, members: null },
      })),
    }))
  const usual = (week: number) => (at: number, item: number) => 100 + 7 * at + 3 * item + week

  for (const observations of [run(1, 0, usual(0)), run(2, 7, usual(1)), run(3, 14, () => 0)]) {
    await analyzer.store(...observations)
    await analyzer.send(...observations)
    await analyzer.settled(...observations)
  }
  const [held] = await waitFor('the held run', async () => {
    const found = await suspect<{ run_no: number }[]>('ls')
    return found.length > 0 && found
  })
  await suspect('release', String(held!.run_no))
  await waitFor('the states to count', async () => {
    const rows = await database.query<{ left: number }>(
      'SELECT count(*)::int AS left FROM analyzer.withheld_payload WHERE NOT is_settled',
    )
    return rows[0]!.left === 0
  })
  const rows = await database.query<{ zeros: number }>(
    `SELECT count(*)::int AS zeros FROM analyzer.series_state WHERE state -> 'last' ->> 'number' = '0'`,
  )
  expect(rows[0]!.zeros).toBe(size.companies * size.items)
})
