import { beforeAll, expect, test } from 'vitest'
import { before, newsAfter, valuesAfter } from '../harness/analyzer/before.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { type AnalyzerBench, installAnalyzer } from '../harness/analyzer/setup.ts'

const weekMs = 7 * 86_400_000

let analyzer: AnalyzerBench
beforeAll(async () => {
  analyzer = await installAnalyzer()
})

/** Makes the database as it was before the upgrade. */
async function goBack(company: number, source: number): Promise<void> {
  const { query } = analyzer.installation.database
  expect(await analyzer.service.stop()).toBe(0)
  await query('ALTER TABLE analyzer.news ALTER COLUMN public_news_id SET NOT NULL')
  await query(`DELETE FROM analyzer.migration WHERE name = '0010_silent-news'`)
  await query(`INSERT INTO analyzer.rule (rule_id, version, definition) VALUES ('rule/1', 1, $1)`, [before.definition])
  for (const { key, state } of before.series) {
    const { eventNo, observedAt, ...stored } = state
    await query(
      `INSERT INTO analyzer.series_state (company_measurement_id, subject_key, item_key, event_no, observed_at, state)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [...key, eventNo, new Date(observedAt), JSON.stringify(stored)],
    )
  }
  const { eventNo, observedAt, mapVersion, lists } = before.subject
  await query(
    `INSERT INTO analyzer.subject_state (company_id, data_source_id, subject_key, event_no, observed_at, map_version, lists)
     VALUES ($1, $2, '', $3, $4, $5, $6)`,
    [company, source, eventNo, new Date(observedAt), mapVersion, JSON.stringify(lists)],
  )
}

test('after an upgrade with a year of history only what is new is news, and the rules stay in force', async () => {
  const { company, source, measurement, observation } = await analyzer.createSeries()
  await goBack(company, source)
  expect(await analyzer.installation.parma('migrate')).toContain('analyzer: 0010_silent-news')
  await analyzer.startAnalyzer()
  const payloads = valuesAfter.map((values, index) =>
    observation(
      0,
      values.map((value) => ({ ...value, source_measurement_id: measurement })),
      { event_no: 1000 + index, observed_at: before.observed_at + (index + 1) * weekMs },
    ),
  )
  await analyzer.send(...payloads)
  await analyzer.settled(...payloads)
  const news = await analyzer.installation.database.query(
    'SELECT event_id, kind, rule_id, rule_version, current FROM analyzer.news WHERE company_id = $1 ORDER BY group_index',
    [company],
  )
  expect(news).toEqual(newsAfter.map((one) => ({ event_id: payloads.at(-1)!.event_id, ...one })))
})

/** Numbers of a series that grows steadily, and of the items of its list. */
const weeks = 60
const items = ['one', 'two', 'three', 'four', 'five']
const grown = (base: number, week: number) => Math.round(base * (1 + 0.01 * week + 0.003 * Math.sin(2.4 * week)))
const numbersOf = (week: number) => [...items.map((_, index) => grown(1000 * (index + 2), week)), grown(700, week)]

type Series = Awaited<ReturnType<AnalyzerBench['createSeries']>>

/** The payload of a week: a number for each item, and one outside of the list. */
function payloadOf(series: Series, week: number, numbers: readonly number[]) {
  return series.observation(
    week * 7,
    numbers.map((number, seq) => {
      const item_key = items[seq] ?? null
      return {
        seq,
        number,
        item_key,
        item_label: item_key,
        path: item_key === null ? 'downloads' : 'packages[].downloads',
      }
    }),
    { event_no: 10_000 * series.company + week },
  )
}

/** A year of values as the normalizer stored them, and what an analyzer without detectors remembered of them. */
async function storeYear(series: Series): Promise<void> {
  const { query } = analyzer.installation.database
  const payloads = Array.from({ length: weeks }, (_, week) => payloadOf(series, week, numbersOf(week)))
  await analyzer.store(...payloads)
  const last = payloads.at(-1)!
  const at = new Date(last.observed_at)
  for (const [seq, { number, item_key }] of last.values.entries()) {
    const recent = Array.from({ length: 32 }, (_, index) => numbersOf(weeks - 32 + index)[seq])
    await query(
      `INSERT INTO analyzer.series_state (company_measurement_id, subject_key, item_key, event_no, observed_at, state)
       VALUES ($1, '', $2, $3, $4, $5)`,
      [series.series, item_key ?? '', last.event_no, at, JSON.stringify({ last: { kind: 'number', number }, recent })],
    )
  }
  const { source_measurement_id, company_measurement_id, measurement_name } = last.values[0]!
  const list = {
    anchor: { source_measurement_id, company_measurement_id, measurement_name },
    items: Object.fromEntries(items.map((item) => [item, { label: item }])),
    seenAt: last.observed_at,
  }
  await query(
    `INSERT INTO analyzer.subject_state (company_id, data_source_id, subject_key, event_no, observed_at, map_version, lists)
     VALUES ($1, $2, '', $3, $4, 1, $5)`,
    [series.company, series.source, last.event_no, at, JSON.stringify({ 'packages[]': list })],
  )
}

test('after an upgrade the detectors know the year before, and one setting brings back the percentage', async () => {
  const { database, env: installed } = analyzer.installation
  const all = await Promise.all([1, 2, 3].map(() => analyzer.createSeries('int', 'downloads')))
  for (const series of all) await storeYear(series)
  await analyzer.service.stop()
  const today = await analyzer.startAnalyzer()
  const judge = async (week: number, change: (numbers: number[]) => void = () => undefined) => {
    const payloads = all.map((series) => {
      const numbers = numbersOf(week)
      if (series === all[1]) change(numbers)
      return payloadOf(series, week, numbers)
    })
    await analyzer.store(...payloads)
    await analyzer.send(...payloads)
    await analyzer.settled(...payloads)
    const stored = await database.query<{ title: string; rule_id: string; silent: boolean; reason: string | null }>(
      `SELECT title, rule_id, silent, facts ->> 'reason' AS reason FROM analyzer.news
       WHERE event_id = ANY($1) ORDER BY event_no, group_index`,
      [payloads.map(({ event_id }) => event_id)],
    )
    return stored
  }

  expect(await judge(weeks)).toEqual([])
  const views = await database.query<{ state: string; points: number }>(
    'SELECT state, points FROM analyzer.series_view WHERE company_id = ANY($1)',
    [all.map(({ company }) => company)],
  )
  expect(views).toEqual(Array.from({ length: 18 }, () => ({ state: 'judged', points: weeks + 1 })))

  const outlier = await judge(weeks + 1, (numbers) => (numbers[2]! += 900))
  expect(outlier).toEqual([
    { title: expect.stringContaining('three'), rule_id: 'default/insight', silent: false, reason: expect.any(String) },
  ])
  expect(outlier[0]?.reason).toMatch(/ in 1[2-4] months$/)
  // It is news once, and what goes back the next week is an aftermath.
  expect(await judge(weeks + 2, (numbers) => (numbers[2]! += 900))).toEqual([])

  const rules = async (env: NodeJS.ProcessEnv = {}) =>
    JSON.parse(await runParma({ ...installed, ...env }, 'rules', 'ls', '--json')) as {
      rule_id: string
      about: string
      enabled: boolean
    }[]
  expect((await rules()).filter(({ rule_id }) => rule_id.startsWith('default/'))).toMatchObject([
    { rule_id: 'default/insight', enabled: true, about: expect.stringContaining('in place of default/percent') },
    { rule_id: 'default/percent', about: expect.stringContaining('DEFAULT_DETECTOR=percent brings it back') },
  ])
  const percent = { DEFAULT_DETECTOR: 'percent' }
  expect((await rules(percent)).filter(({ rule_id }) => rule_id.startsWith('default/'))).toMatchObject([
    { rule_id: 'default/percent', enabled: true, about: 'numbers that no rule covers; in force' },
    { rule_id: 'default/insight', enabled: false },
  ])
  await today.stop()
  await analyzer.startAnalyzer(percent)
  // 20 % are unusual, and less than DEFAULT_PERCENT_THRESHOLD.
  expect(await judge(weeks + 3, (numbers) => ((numbers[2]! += 900), (numbers[5]! *= 1.2)))).toEqual([])
  expect(await judge(weeks + 4, (numbers) => ((numbers[2]! += 900), (numbers[5]! *= 2)))).toMatchObject([
    { rule_id: 'default/percent', silent: false },
  ])
})
