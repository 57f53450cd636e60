import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import type { Observation } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { commands } from '../../services/analyzer/commands.ts'
import { decideHeldRun } from '../../services/analyzer/suspect/held-runs.ts'
import { openPool } from '../../services/runtime/postgres/database.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { type AnalyzerBench, installAnalyzer, start } from '../harness/analyzer/setup.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let analyzer: AnalyzerBench
beforeAll(async () => {
  analyzer = await installAnalyzer()
})

type Held = { run_no: number; data_source_id: number; held: number; flagged: number }
const suspect = <T = Held>(...args: string[]) => runCommand<T>(commands['suspect'], ...args)

let eventNo = 0

/** A source with companies, each with 100 stars and more, 10 issues and more, and what its runs bring. */
async function createSource(count: number) {
  const { installation } = analyzer
  const ids = async (statement: string, values: unknown[]) =>
    (await installation.database.query<{ id: number }>(statement, values)).map(({ id }) => id)
  const [source] = await ids(
    `INSERT INTO public.data_source (source_name, is_active, frequency, health_status, modified_at)
     VALUES ('github', true, 'DAILY', 'UP', now()) RETURNING id`,
    [],
  )
  const companies = await ids(
    `INSERT INTO public.company (name, modified_at) SELECT 'company ' || n, now() FROM generate_series(1, $1::int) n RETURNING id`,
    [count],
  )
  const measurements = await ids(
    `INSERT INTO public.source_measurement (source_module_id, type, measurement_name, modified_at)
     SELECT $1, 'int', name, now() FROM unnest('{stars,issues}'::text[]) name RETURNING id`,
    [source],
  )
  const observe = (at: number, run: number, day: number, numbers: readonly number[]): Observation => ({
    ...{ event_id: randomUUID(), event_no: ++eventNo, part: 1, parts: 1, data_source_id: source! },
    ...{ source_name: 'github', company_id: String(companies[at]), task_id: run, map_version: 1 },
    ...{ observed_at: start + day * 86_400_000, history: false, replay_id: null, subject_key: '' },
    ...{ refused: 0, empty_lists: [] },
    values: numbers.map((number, seq) => ({
      ...{ seq, source_measurement_id: measurements[seq]!, company_measurement_id: companies[at]! * 10 + seq },
      ...{ measurement_name: seq === 0 ? 'stars' : 'issues', type: 'int', path: seq === 0 ? 'stars' : 'issues' },
      ...{ item_key: null, item_label: null, number, text: null, date: null, members: null },
    })),
  })
  const all = (run: number, day: number, numbersOf: (at: number) => readonly number[]) =>
    companies.map((_, at) => observe(at, run, day, numbersOf(at)))
  /** The numbers of a company in a week in which nothing happens. */
  const usual = (at: number, day = 0) => [137 * (at + 1) + day, 10 + at]
  const news = async () => {
    const some = await Promise.all(companies.map((company) => analyzer.newsOf(company)))
    return some.flat()
  }
  const events = async () =>
    (await analyzer.readAll(topics.opsEvents)).map(({ value }) => value).filter((one) => one.data_source_id === source)
  const held = async () => (await suspect<Held[]>('ls')).filter((run) => run.data_source_id === source)
  /** A task that has ended. */
  const createTask = async () => {
    const [task] = await ids(
      `INSERT INTO public.scheduled_task (data_source_id, schedule_type, status, ended_at)
       VALUES ($1, 'REGULAR', 'SUCCESS', now() AT TIME ZONE 'UTC' - interval '1 hour') RETURNING task_id AS id`,
      [source],
    )
    return task!
  }
  const judge = async (...observations: Observation[]) => {
    await analyzer.store(...observations)
    await analyzer.send(...observations)
    await analyzer.settled(...observations)
  }
  return { companies, observe, all, usual, news, events, held, createTask, judge }
}

test('zeros of 40 companies are one ops event and no news item; dropped, later values follow those before', async () => {
  const { companies, observe, all, usual, news, events, held, judge } = await createSource(41)
  await judge(...all(1, 0, (at) => usual(at)), ...all(2, 7, (at) => usual(at, 1)))
  const zeros = all(3, 14, (at) => (at < 40 ? [0, 0] : usual(at, 2)))
  await judge(...zeros)
  const [run] = await waitFor('the held run', () => held().then((found) => found.length > 0 && found))
  expect(run).toMatchObject({ held: 80, flagged: 80 })
  // A company that really moves within the run, and all payloads once more.
  const moved = observe(40, 3, 15, [50_000, 50])
  await judge(moved)
  await analyzer.send(...zeros, moved)
  const after = observe(0, 4, 15, usual(0, 3))
  await judge(after)
  expect(await news()).toEqual([])
  const before = await events()
  expect(before.map(({ kind, resolved }) => ({ kind, resolved }))).toEqual([{ kind: 'suspect-run', resolved: false }])
  expect(before[0]?.message).toMatch(
    /^The run of task 3 of github looks wrong: in \d+ of \d+ companies the numbers became zero\. Examples: company \d+ \(\d+\): 2 of 2 numbers became zero; .*parma suspect show/,
  )
  expect(await suspect('drop', String(run!.run_no), '--dry-run')).toMatchObject({ sent: 1, dropped: 80, dry_run: true })
  await expect(suspect('drop', String(run!.run_no))).rejects.toThrow('Confirm with --yes.')
  expect(await suspect('drop', String(run!.run_no), '--yes')).toMatchObject({ state: 'dropped', dropped: 80 })
  await expect(suspect('release', String(run!.run_no))).rejects.toThrow('is already dropped by')
  const countDropped = () =>
    analyzer.installation.database.query<{ series: object[] | null }>(
      `SELECT u.series FROM analyzer.uncounted_payload u JOIN analyzer.withheld_payload p USING (event_id)
       WHERE p.run_no = $1 AND p.is_dropped AND u.event_no IS NOT NULL`,
      [run!.run_no],
    )
  await waitFor('all zeros to be dropped', async () => (await countDropped()).length === 40)
  expect((await countDropped()).every(({ series }) => series === null)).toBe(true)
  const sent = await waitFor('the news of the company that moved', () => news().then((some) => some.length > 0 && some))
  expect(new Set(sent.map(({ company_id }) => company_id))).toEqual(new Set([String(companies[40])]))
  await judge(...all(5, 21, (at) => (at < 40 ? usual(at, 4) : [50_001, 50])), ...zeros)
  await waitFor('the resolved event', async () => (await events()).some(({ resolved }) => resolved))
  expect((await news()).filter(({ company_id }) => company_id !== String(companies[40]))).toEqual([])
  expect((await events()).length).toBe(2)
})

test('what is released reaches the topic once, whatever is killed and however many replicas there are', async () => {
  const { observe, all, usual, news, held, judge, companies } = await createSource(10)
  await judge(...all(11, 0, (at) => usual(at)), ...all(12, 7, (at) => usual(at, 1)))
  const second = await analyzer.startAnalyzer()
  await judge(...all(13, 14, () => [0, 0]))
  await waitFor('the held run', async () => (await held()).length > 0)
  const [run] = await held()
  await judge(observe(9, 14, 20, usual(9, 2)))
  await second.kill()
  const pool = await openPool(readEnv(postgresSettings))
  onCleanup(() => pool.end())
  const release = (by: string) => pool.transaction((tx) => decideHeldRun(tx, run!.run_no, 'released', by))
  expect((await Promise.all([release('ann'), release('bob')])).sort()).toEqual([false, true])
  const third = await analyzer.startAnalyzer()
  const sent = await waitFor('all news', () => news().then((some) => some.length >= 20 && some))
  expect(new Set(sent.map(({ news_id }) => news_id)).size).toBe(20)
  expect(sent).toHaveLength(20)
  expect(sent.every(({ group_size }) => group_size === 2)).toBe(true)
  const records = (await analyzer.readAll(topics.news)).filter(({ value }) =>
    sent.some(({ news_id }) => news_id === value.news_id),
  )
  // They go on in the traces of their payloads.
  const traceIds = records.map(({ headers }) => headers['traceparent']?.split('-')[1])
  expect(traceIds).toEqual(records.map(({ value }) => value.event_id.replaceAll('-', '')))
  expect(await analyzer.shown(companies[0]!)).toHaveLength(2)
  // A payload of a company that came before: the detectors know both.
  const { database } = analyzer.installation
  const earlierPoints = () =>
    database.query(
      `SELECT DISTINCT (state -> 'said' ->> 'points')::int AS points FROM analyzer.series_state
       WHERE company_measurement_id / 10 = $1`,
      [companies[9]],
    )
  expect(await earlierPoints()).toEqual([{ points: 2 }])
  await judge(observe(9, 15, 28, usual(9, 3)))
  expect(await earlierPoints()).toEqual([{ points: 4 }])
  // The zeros count: they are what later values are compared with.
  await judge(...all(16, 35, (at) => (at < 9 ? [0, 0] : usual(at, 4))))
  expect(await held()).toEqual([])
  expect(await news()).toHaveLength(20)
  await third.kill()
})

test('a lone zero waits for five more companies; what else is news goes at once', async () => {
  const { observe, all, usual, news, held, judge } = await createSource(8)
  await judge(...all(21, 0, (at) => usual(at)), ...all(22, 7, (at) => usual(at, 1)))
  await judge(observe(0, 23, 14, [0, 10]), observe(1, 23, 14, [90_000, 11]))
  const first = await waitFor('the news that is no zero', () => news().then((some) => some.length > 0 && some))
  expect(first.map(({ current, group_size }) => ({ current, group_size }))).toEqual([
    { current: '90,000', group_size: 1 },
  ])
  await judge(...[2, 3, 4, 5, 6].map((at) => observe(at, 23, 14, usual(at, 2))))
  const then = await waitFor('the zero', () => news().then((some) => some.length > 1 && some))
  expect(then.map(({ current }) => current).sort()).toEqual(['0', '90,000'])
  expect(await held()).toEqual([])
})

test('what a broken source would not make is sent within a second, long before its run ends', async () => {
  const { companies, observe, all, usual, judge } = await createSource(40)
  await judge(...all(61, 0, (at) => usual(at)), ...all(62, 7, (at) => usual(at, 1)))
  const moved = [7, 14, 21, 28, 35]
  const some = companies.slice(0, 36).map((_, at) => observe(at, 63, 14, usual(at, 2)))
  // Each in its own way, and not all at once.
  const outliers = moved.map((at) => observe(at, 63, 14, [50_000 + 7919 * at, usual(at, 2)[1]!]))
  for (const [index, outlier] of outliers.entries()) {
    const before = some.slice((moved[index - 1] ?? -1) + 1, moved[index])
    await judge(...before, outlier)
  }
  const sent = await waitFor('the news of the outliers', async () => {
    const records = await analyzer.readAll(topics.news)
    const ours = outliers.map(({ event_id }) => records.find(({ value }) => value.event_id === event_id))
    return ours.every((one) => one !== undefined) && ours
  })
  const rows = await analyzer.installation.database.query<{ event_id: string; at: number; state: string }>(
    `SELECT e.event_id, (extract(epoch FROM p.processed_at) * 1000)::float8 AS at, r.state
     FROM analyzer.run_evidence e JOIN analyzer.judged_run r USING (run_no) JOIN analyzer.processed_event p USING (event_id)
     WHERE e.event_id = ANY($1)`,
    [outliers.map(({ event_id }) => event_id)],
  )
  expect(rows.map(({ state }) => state)).toEqual(moved.map(() => 'open'))
  const judgedAt = new Map(rows.map(({ event_id, at }) => [event_id, at]))
  const delays = sent.map(({ value, sentAt }) => sentAt - judgedAt.get(value.event_id)!)
  // On a machine that does much else any one of them may take longer. Whatever waits does so for two seconds at least.
  expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(1000)
})

test('of a source with fewer than five companies news items are marked and go out at once', async () => {
  const { all, usual, news, createTask, judge } = await createSource(3)
  await judge(...all(31, 0, (at) => usual(at)), ...all(32, 7, (at) => usual(at, 1)))
  await judge(...all(await createTask(), 14, () => [0, 0]))
  const sent = await waitFor('the news', () => news().then((some) => some.length >= 6 && some))
  expect(sent.map(({ facts }) => facts['suspect'])).toEqual(
    Array.from({ length: 6 }, () => '2 of 2 numbers became zero (too few companies to compare)'),
  )
})

test('nobody decides: operators are reminded daily, and after three days the news items are unverified', async () => {
  const { all, usual, news, held, events, judge } = await createSource(6)
  await judge(...all(41, 0, (at) => usual(at)))
  await judge(...all(42, 7, (at) => usual(at, 1)), ...all(43, 14, () => [0, 0]))
  await waitFor('the held run', async () => (await held()).length > 0)
  const [run] = await held()
  const age = (hours: number) =>
    analyzer.installation.database.query(
      `UPDATE analyzer.judged_run SET suspected_at = now() - $1 * interval '1 hour' WHERE run_no = $2`,
      [hours, run!.run_no],
    )
  await age(25)
  await waitFor('the reminder', async () => (await events()).length === 2)
  await age(73)
  const sent = await waitFor('the news', () => news().then((some) => some.length >= 12 && some))
  expect(sent.every(({ title, facts }) => title.startsWith('Unverified: ') && facts['unverified'] === 'true')).toBe(
    true,
  )
  const last = await waitFor('the end', () => events().then((all) => all.length === 3 && all))
  expect(last.map(({ dedupe_key, resolved }) => [dedupe_key.replace(String(run!.run_no), 'n'), resolved])).toEqual([
    ['suspect-run/n', false],
    ['suspect-run/n/day-1', false],
    ['suspect-run/n', true],
  ])
})
