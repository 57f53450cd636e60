import { beforeAll, expect, test } from 'vitest'
import { before, newsAfter, valuesAfter } from '../harness/analyzer/before.ts'
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
