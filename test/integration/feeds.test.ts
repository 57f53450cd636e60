import pg from 'pg'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Observation, OpsEvent } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { commands } from '../../services/analyzer/commands.ts'
import { commandSettings } from '../../services/analyzer/config.ts'
import { closeIncidents, openIncidents } from '../../services/analyzer/rhythm/incidents.ts'
import { openPool } from '../../services/runtime/postgres/database.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { type AnalyzerBench, installAnalyzer, start } from '../harness/analyzer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let analyzer: AnalyzerBench
beforeAll(async () => {
  analyzer = await installAnalyzer()
})

type Series = Awaited<ReturnType<AnalyzerBench['createSeries']>>

const day = 86_400_000

/** Stores the values as the normalizer does, then has them judged. */
async function feed(observations: readonly Observation[]): Promise<void> {
  await analyzer.store(...observations)
  await analyzer.send(...observations)
  await analyzer.settled(...observations)
}

/** The same, and has their feeds looked at in one turn, however long the judging takes. */
async function feedAtOnce(observations: readonly Observation[]): Promise<void> {
  const { database } = analyzer.installation
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('BEGIN')
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('analyzer.follow_feeds', 0))`)
  await feed(observations)
  await waitFor('the feeds to be due', async () => {
    const [row] = await database.query(`SELECT max(judged_at) < now() - interval '3 s' AS due FROM analyzer.feed_due`)
    return row?.due === true
  })
  await client.end()
}

const forecastsOf = ({ series }: Series) =>
  analyzer.installation.database.query<Record<string, unknown>>(
    `SELECT item_key, steps, made_at::text, for_time::text, value, low, high,
       newest_event_no::int FROM analyzer.forecast
     WHERE company_measurement_id = $1 ORDER BY item_key, steps`,
    [series],
  )

const eventsOf = async ({ source }: Series): Promise<OpsEvent[]> =>
  (await analyzer.readAll(topics.opsEvents))
    .map(({ value }) => value)
    .filter(({ data_source_id }) => data_source_id === source)

const weekly = (series: Series, numbers: readonly number[], from = 0) =>
  numbers.map((number, week) => series.observation((from + week) * 7, [{ number }]))

test('each number has forecasts, made anew with each value, and news items say what was expected', async () => {
  const series = await analyzer.createSeries()
  const grows = Array.from({ length: 30 }, (_, week) => 1000 + 10 * week + (week % 3))
  const observations = grows.map((number, week) =>
    series.observation(week * 7, [{ number }, { seq: 1, item_key: 'container', number: 3 * number }]),
  )
  await feed(observations)
  const first = await waitFor('the forecasts', async () => {
    const rows = await forecastsOf(series)
    return rows.length === 4 && rows
  })
  expect(first.map(({ item_key, steps }) => `${String(item_key)} ${String(steps)}`)).toEqual([
    ...[' 1', ' 4', 'container 1', 'container 4'],
  ])
  expect(first[0]).toMatchObject({ made_at: '2027-06-07 10:00:00+00', for_time: '2027-06-14 10:00:00+00' })
  expect(first[1]).toMatchObject({ for_time: '2027-07-05 10:00:00+00' })
  const [{ value, low, high } = {}] = first
  expect([Number(low) < Number(high), Math.abs(Number(value) - 1301) < 10]).toEqual([true, true])

  const rise = series.observation(30 * 7, [{ number: 2600 }, { seq: 1, item_key: 'container', number: 3906 }])
  await feed([rise])
  const news = await waitFor('the news', async () => (await analyzer.newsOf(series.company)).at(-1))
  expect(news.facts).toMatchObject({
    ...{ current_value: '2600', forecast_value: String(value) },
    ...{ forecast_low_value: String(low), forecast_high_value: String(high) },
  })
  expect(news.message).toMatch(/ Expected were 1,\d{3} to 1,\d{3}\.$/)
  await waitFor('new forecasts', async () => (await forecastsOf(series))[0]?.made_at === '2027-06-14 10:00:00+00')

  // A late value is taken into account, and the newest one stays the one from which on forecasts look ahead.
  const before = await forecastsOf(series)
  const late = series.observation(29.5 * 7, [{ number: 2590 }])
  await feed([late])
  const after = await waitFor('forecasts that know the late value', async () => {
    const rows = await forecastsOf(series)
    return rows[0]?.newest_event_no === late.event_no && rows
  })
  expect(after[0]).toMatchObject({ made_at: '2027-06-14 10:00:00+00' })
  expect(after.slice(2)).toEqual(before.slice(2))

  const listed = await runCommand(commands.forecasts, 'ls', '--company', String(series.company))
  expect(listed).toHaveLength(4)
})

test('a payload of a run that was dropped changes no forecast', async () => {
  const series = await analyzer.createSeries()
  await feed(
    weekly(
      series,
      Array.from({ length: 20 }, (_, week) => 100 + week),
    ),
  )
  await waitFor('the forecasts', async () => (await forecastsOf(series)).length === 2)
  const zero = series.observation(20 * 7, [{ number: 0 }])
  await analyzer.installation.database.query(
    `WITH run AS (
       INSERT INTO analyzer.judged_run (data_source_id, source_name, state) VALUES ($1, 'github', 'dropped') RETURNING run_no
     )
     INSERT INTO analyzer.withheld_payload (event_id, event_no, run_no, company_id, is_flagged, is_settled,
       is_dropped, observed_at, data_source_id, subject_key)
     SELECT $2, $5, run_no, $3, true, true, true, $4, $1, '' FROM run`,
    [series.source, zero.event_id, series.company, new Date(zero.observed_at), zero.event_no],
  )
  await feed([zero, ...weekly(series, [121], 21)])
  const [first] = await waitFor('the forecasts after it', async () => {
    const rows = await forecastsOf(series)
    return rows[0]?.made_at === '2027-04-12 10:00:00+00' && rows
  })
  expect(Math.abs(Number(first?.['value']) - 122)).toBeLessThan(1)
})

test('numbers that stand still are reported once, and once when they move again', async () => {
  const series = await analyzer.createSeries()
  const moves = Array.from({ length: 70 }, (_, week) => 500 + week)
  await feed(weekly(series, [...moves, 569, 569, 569, 569]))
  const [event] = await waitFor('the event', async () => {
    const events = await eventsOf(series)
    return events.length > 0 && events
  })
  expect(event).toMatchObject({ kind: 'standstill', service: 'analyzer', resolved: false, subject: 'langfuse, github' })
  expect(event?.message).toMatch(
    /^No number of langfuse from github has moved since 13 March 2028, in 4 payloads\. .* stars \(569\)/,
  )
  await feed(weekly(series, [569, 569], 74))
  await feed(weekly(series, [570], 76))
  const events = await waitFor('the end', async () => {
    const all = await eventsOf(series)
    return all.length > 1 && all
  })
  expect(events.map(({ kind, resolved }) => `${kind} ${resolved}`)).toEqual(['standstill false', 'standstill true'])
  const listed = await runCommand(commands.feeds, 'ls', '--source', String(series.source))
  expect(listed).toMatchObject([{ state: 'on time', every: '7 days', still_payloads: 0 }])
})

test('a source whose companies all stand still is one event', async () => {
  const series = await analyzer.createSeries()
  const { database } = analyzer.installation
  const [other] = await database.query<{ company: number; series: number }>(
    `WITH company AS (INSERT INTO public.company (name, modified_at) VALUES ('apple', now()) RETURNING id)
     INSERT INTO public.company_source_measurement (source_measurement_id, company_id) SELECT $1, id FROM company
     RETURNING company_id AS company, company_measurement_id AS series`,
    [series.measurement],
  )
  const apple: Series = {
    ...{ ...series, ...other! },
    observation: (at, values) => {
      const one = series.observation(at, values)
      const of = one.values.map((value) => ({ ...value, company_measurement_id: other!.series }))
      return { ...one, company_id: String(other!.company), values: of }
    },
  }
  const moves = Array.from({ length: 40 }, (_, week) => 500 + week)
  await feedAtOnce([series, apple].flatMap((one) => weekly(one, [...moves, 539, 539, 539, 539, 539])))
  const [event] = await waitFor('the event', async () => {
    const events = await eventsOf(series)
    return events.length > 0 && events
  })
  expect(event).toMatchObject({ kind: 'standstill', subject: 'github', facts: { companies: '2' } })
  expect(event?.message).toContain('stars of langfuse (539) and stars of apple (539)')
  await feed(weekly(series, [540], 45))
  await feed(weekly(apple, [540], 45))
  const events = await waitFor('the end', async () => {
    const all = await eventsOf(series)
    return all.length > 1 && all
  })
  expect(events.map(({ resolved }) => resolved)).toEqual([false, true])
})

test('a source from which nothing came at its usual time is reported before it is overdue, while it has a company', async () => {
  const { database } = analyzer.installation
  const series = await analyzer.createSeries()
  // The newest payload is one of yesterday, and there is one an hour.
  const latest = (Date.now() - day - start) / day
  await feed(Array.from({ length: 20 }, (_, hour) => series.observation(latest - (20 - hour) / 24, [{ number: hour }])))
  await waitFor('the feed', async () => {
    const [row] = await database.query<{ rhythm: unknown }>(
      `UPDATE analyzer.feed SET came_at = came_at - interval '1 day'
       WHERE data_source_id = $1 AND rhythm IS NOT NULL RETURNING rhythm`,
      [series.source],
    )
    return row
  })
  await analyzer.startAnalyzer()
  const event = await waitFor('the event', async () => (await eventsOf(series)).at(-1))
  expect(event).toMatchObject({ kind: 'due', resolved: false, subject: 'github', facts: { every: '60 minutes' } })

  await waitFor('the forecasts', async () => (await forecastsOf(series)).length > 0)
  await database.query('DELETE FROM public.company WHERE id = $1', [series.company])
  await analyzer.startAnalyzer()
  await waitFor('the end', async () => (await eventsOf(series)).some(({ resolved }) => resolved))
  expect(await forecastsOf(series)).toEqual([])
})

test('incidents that have ended stay known when the next one begins', async () => {
  const { database: rows, env } = analyzer.installation
  const database = await openPool(readEnv(commandSettings, env))
  onTestFinished(() => database.end())
  // The analyzer would end the incidents of a source that does not exist.
  const watch = new pg.Client({ connectionString: rows.url })
  await watch.connect()
  onTestFinished(() => watch.end())
  await watch.query(`SELECT pg_advisory_lock(hashtextextended('analyzer.follow_feeds', 0))`)
  const key = { kind: 'due' as const, data_source_id: 2_000_000, company_id: null }
  const incident = { ...key, subject: 'github', message: 'late', facts: {} }
  for (let turn = 0; turn < 2; turn++) {
    expect(await database.transaction((tx) => openIncidents(tx, [incident]))).toBe(1)
    expect(await database.transaction((tx) => closeIncidents(tx, [key]))).toBe(1)
  }
  await database.transaction((tx) => openIncidents(tx, [incident]))
  const known = await rows.query<{ opened_at: Date; resolved_at: Date | null }>(
    'SELECT opened_at, resolved_at FROM analyzer.incident_view WHERE data_source_id = 2000000 ORDER BY opened_at',
  )
  expect(known.map(({ resolved_at }) => resolved_at !== null)).toEqual([true, true, false])
  expect(known.every(({ opened_at, resolved_at }) => resolved_at === null || opened_at <= resolved_at)).toBe(true)
})
