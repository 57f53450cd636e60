import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import type { Observation } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { type AnalyzerBench, installAnalyzer, start } from '../harness/analyzer/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let analyzer: AnalyzerBench
beforeAll(async () => {
  analyzer = await installAnalyzer()
})

test('a value that changes is news once, in both tables and on the topic, however often it is delivered', async () => {
  const { company, source, measurement, observation } = await analyzer.createSeries()
  const [first, second] = [observation(0, [{ number: 1561 }]), observation(7, [{ number: 2000 }])]
  await analyzer.send(first, second)
  await waitFor('the news', async () => (await analyzer.newsOf(company)).length === 1)
  await analyzer.send(first, second, second)
  const all = await waitFor('the news of all deliveries', async () => {
    const news = await analyzer.newsOf(company)
    return news.length >= 3 && news
  })
  expect(all[0]).toMatchObject({
    kind: 'threshold',
    severity: 'info',
    title: 'langfuse: stars rose 28% to 2,000',
    message: 'langfuse: stars rose by 28% from 1,561 to 2,000 since 16 November 2026 (github).',
    previous: '1,561',
    current: '2,000',
    rule: { id: 'default/percent', version: 2 },
    trigger_factor: expect.closeTo(28.12, 2) as unknown,
    ...{ data_source_id: source, source_measurement_id: measurement, event_id: second.event_id, task_id: 7 },
    ...{ group_id: second.event_id, group_index: 0, group_size: 1, silent: false, observed_at: second.observed_at },
    facts: {
      company_name: 'langfuse',
      source_name: 'github',
      measurement_name: 'stars',
      previous_value: '1561',
      current_value: '2000',
    },
  })
  for (const again of all) expect(again).toEqual(all[0])
  const [weighed] = await analyzer.installation.database.query<{ importance: number; parts: Record<string, number> }>(
    'SELECT importance, importance_parts AS parts FROM analyzer.news WHERE news_id = $1',
    [all[0]!.news_id],
  )
  const { score, size, polarity, rarity } = weighed!.parts as Record<'score' | 'size' | 'polarity' | 'rarity', number>
  expect([weighed!.importance, all[0]!.importance]).toEqual([0, 0].map(() => score * size * polarity * rarity))
  expect([polarity, rarity]).toEqual([0.95, 1])
  expect(await analyzer.stored(company)).toEqual([
    {
      title: all[0]?.title,
      message: all[0]?.message,
      trigger_factor: '28.12',
      timestamp: '2026-11-23 10:00:00',
      data_source_id: source,
      source_measurement_id: measurement,
      silent: false,
    },
  ])
  const [record] = (await analyzer.readAll(topics.news)).filter(({ value }) => value.company_id === String(company))
  expect(record).toMatchObject({
    key: String(company),
    headers: { event_id: all[0]?.news_id, group_id: all[0]?.event_id, traceparent: expect.any(String) as string },
  })
})
test('the first values, history, replays and late observations are silent; late ones leave newer state alone', async () => {
  const { company, series, measurement, source, observation } = await analyzer.createSeries()
  const history = [10, 20].map((number, day) => observation(day, [{ number }], { history: true }))
  const live = observation(10, [{ number: 40 }])
  await analyzer.send(...history, live)
  await analyzer.settled(live)
  // The normalizer's values, which a late observation is judged by.
  await analyzer.installation.database.query(`SELECT normalizer.create_month($1)`, [new Date(start)])
  await analyzer.installation.database.query(
    `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id, company_id, data_source_id, type, path, subject_key)
     SELECT no, at, number, 0, $1, $2, $3, $4, 'int', 'stars', '' FROM unnest($5::bigint[], $6::timestamptz[], $7::float8[]) AS n (no, at, number)`,
    [
      series,
      measurement,
      company,
      source,
      [...history, live].map((one) => one.event_no),
      [...history, live].map((one) => new Date(one.observed_at)),
      [10, 20, 40],
    ],
  )
  const late = observation(5, [{ number: 35 }])
  const replay = observation(11, [{ number: 80 }], { replay_id: randomUUID() })
  const after = observation(12, [{ number: 81 }])
  await analyzer.send(late, replay, after)
  await analyzer.settled(late, replay, after)
  const rows = (await analyzer.stored(company)).map(({ title, silent }) => `${title}${silent ? ' (silent)' : ''}`)
  expect(rows).toEqual([
    'langfuse: stars rose 100% to 20 (silent)',
    'langfuse: stars rose 100% to 40',
    'langfuse: stars rose 75% to 35 (silent)',
    'langfuse: stars rose 100% to 80 (silent)',
  ])
  // What happened before in the series makes a news item less rare, however late it came.
  const rarities = await analyzer.installation.database.query<{ rarity: number }>(
    `SELECT (importance_parts->>'rarity')::float8 AS rarity FROM analyzer.news WHERE company_id = $1 ORDER BY observed_at`,
    [company],
  )
  expect(rarities.map(({ rarity }) => rarity)).toEqual([0, 1, 1, 3].map((before) => 1 / (1 + 0.35 * before)))
  // The same change at the same time, of payloads posted again in another run.
  const again = [observation(1, [{ number: 20 }]), observation(5, [{ number: 35 }]), observation(5, [{ number: 35 }])]
  await analyzer.send(...again)
  await analyzer.settled(...again)
  expect(await analyzer.stored(company)).toHaveLength(rows.length)
  // parma-web shows only what is not silent, on the day it was known.
  expect(await analyzer.shown(company)).toEqual(['2026-11-26 10:00:00 langfuse: stars rose 100% to 40'])
})

test('a payload in parts is one group, which comes with its last part', async () => {
  const { company, observation } = await analyzer.createSeries()
  const item = (seq: number, number: number) => ({ seq, number, item_key: `item ${seq}`, item_label: `repo${seq}` })
  await analyzer.send(observation(0, [item(1, 10), item(2, 10), item(3, 10)]))
  const whole = observation(1, [])
  const part = (n: number, number: number): Observation => ({
    ...whole,
    part: n,
    parts: 3,
    values: observation(1, [item(n, number)]).values,
  })
  await analyzer.send(part(1, 20), part(2, 10))
  await waitFor(
    'the first parts',
    async () => (await analyzer.installation.database.query('SELECT FROM analyzer.pending_part')).length === 2,
  )
  expect(await analyzer.newsOf(company)).toEqual([])
  await analyzer.send(part(1, 20), part(2, 10), part(3, 30))
  const news = await waitFor('the news', () => analyzer.newsOf(company).then((found) => found.length === 2 && found))
  expect(
    news.map(({ title, group_index, group_size, item_key }) => ({ title, group_index, group_size, item_key })),
  ).toEqual([
    { title: 'langfuse/repo1: stars rose 100% to 20', group_index: 0, group_size: 2, item_key: 'item 1' },
    { title: 'langfuse/repo3: stars rose 200% to 30', group_index: 1, group_size: 2, item_key: 'item 3' },
  ])
  expect(await analyzer.installation.database.query('SELECT FROM analyzer.pending_part')).toEqual([])
})

test('items that appear and are gone are news, once for each payload', async () => {
  const { company, measurement, observation } = await analyzer.createSeries()
  const items = (day: number, ...keys: string[]) =>
    observation(
      day,
      keys.map((key, seq) => ({
        seq,
        number: 10 + seq,
        path: 'repos[].stars',
        item_key: key,
        item_label: `repo ${key}`,
      })),
    )
  const observations = [items(0, 'a', 'b'), items(7, 'b', 'a', 'c'), items(14, 'a', 'c'), items(21, 'c', 'a')]
  await analyzer.send(...observations)
  await analyzer.settled(...observations)
  await analyzer.send(...observations)
  await waitFor('the news, told again', async () => (await analyzer.newsOf(company)).length >= 4)
  const news = new Map((await analyzer.newsOf(company)).map((one) => [one.news_id, one]))
  expect([...news.values()]).toMatchObject([
    {
      ...{ kind: 'appeared', title: 'langfuse: repos gained repo c', item_key: 'c', rule: null, silent: false },
      ...{ event_id: observations[1]?.event_id, source_measurement_id: measurement, previous: null, current: 'repo c' },
      message: 'langfuse: repos gained repo c (github): stars 12.',
    },
    {
      ...{ kind: 'gone', title: 'langfuse: repos lost repo b', item_key: 'b', event_id: observations[3]?.event_id },
      message: 'langfuse: repos lost repo b (github), last seen 23 November 2026.',
    },
  ])
  expect((await analyzer.stored(company)).map(({ title }) => title)).toEqual(
    [...news.values()].map(({ title }) => title),
  )
})

test('a deleted company costs only its own news', async () => {
  const [gone, kept] = [await analyzer.createSeries(), await analyzer.createSeries()]
  const before = [gone.observation(0, [{ number: 10 }]), kept.observation(0, [{ number: 10 }])]
  await analyzer.send(...before)
  await analyzer.settled(...before)
  await analyzer.installation.database.query('DELETE FROM public.company WHERE id = $1', [gone.company])
  const after = [gone.observation(1, [{ number: 20 }]), kept.observation(1, [{ number: 20 }])]
  await analyzer.send(...after)
  await waitFor('the news of the one that is there', async () => (await analyzer.newsOf(kept.company)).length === 1)
  await analyzer.settled(...after)
  expect(await analyzer.newsOf(gone.company)).toEqual([])
})

test('keys longer than an index can hold, names with markup, and values of every type', async () => {
  const { company, observation } = await analyzer.createSeries('text', '<b>{name}</b>')
  const long = '文'.repeat(512)
  const values = (text: string, members: string[]) => [
    { seq: 1, text, item_key: long, item_label: '${x} {{y}}' },
    { seq: 2, members, item_key: 'set' },
    { seq: 3, type: 'date', date: text.length, item_key: 'date' },
  ]
  const [first, second] = [
    observation(0, values('a', ['x', 'y']), { subject_key: long }),
    observation(1, values('bb', ['y', 'z']), { subject_key: long }),
  ]
  await analyzer.send(first, second)
  const news = await waitFor('the news', () => analyzer.newsOf(company).then((found) => found.length === 2 && found))
  expect(news.map(({ message }) => message)).toEqual([
    'langfuse: <b>{name}</b> of ${x} {{y}} changed from a to bb since 16 November 2026, 10:00 UTC (github).',
    'langfuse: <b>{name}</b> of set changed since 16 November 2026, 10:00 UTC (github): added z; removed x. Before: x and y. Now: y and z.',
  ])
  expect(news.map(({ trigger_factor, rule }) => ({ trigger_factor, rule }))).toEqual([
    { trigger_factor: null, rule: null },
    { trigger_factor: null, rule: null },
  ])
})

test('an impossible observation is a dead letter, and its neighbours are judged', async () => {
  const { company, observation } = await analyzer.createSeries()
  const bad = [
    observation(0, [], { company_id: 'x' }),
    observation(0, [], { event_id: 'x' }),
    observation(0, [], { part: 2 }),
  ]
  const known = observation(0, [{ number: 10 }])
  await analyzer.send(...bad, known, { ...known, event_no: known.event_no + 1000 }, observation(1, [{ number: 20 }]))
  await waitFor('the news', async () => (await analyzer.newsOf(company)).length === 1)
  const reasons = await waitFor('the dead letters', async () => {
    const records = await analyzer.installation.topics.read(`${topics.observations.name}.analyzer.dlq`)
    return records.length >= 4 && records.map(({ headers }) => headers['__dlq.reason'])
  })
  expect(reasons.toSorted()).toEqual(['conflict', 'invalid', 'invalid', 'invalid'])
})

// These come last: the first stops the service of this file.
test('a redelivery sends what was stored, not what would be judged now', async () => {
  const { company, observation } = await analyzer.createSeries()
  const [first, second] = [observation(0, [{ number: 10 }]), observation(1, [{ number: 20 }])]
  await analyzer.send(first, second)
  const [before] = await waitFor('the news', () => analyzer.newsOf(company).then((news) => news.length === 1 && news))
  await analyzer.installation.database.query('UPDATE public.company SET name = $2 WHERE id = $1', [company, 'renamed'])
  expect(await analyzer.service.stop()).toBe(0)
  await analyzer.startAnalyzer({ DEFAULT_PERCENT_THRESHOLD: '500' })
  await analyzer.send(second)
  const [, again] = await waitFor('the news again', () =>
    analyzer.newsOf(company).then((news) => news.length === 2 && news),
  )
  expect(again).toEqual(before)
})

test('with WRITE_PUBLIC_SILENT_NEWS parma-web shows silent news items too, each on the day it was known', async () => {
  await analyzer.startAnalyzer({ WRITE_PUBLIC_SILENT_NEWS: 'true' })
  const { company, observation } = await analyzer.createSeries()
  const history = [100, 1000].map((number, day) => observation(day - 365, [{ number }], { history: true }))
  await analyzer.send(...history)
  await analyzer.settled(...history)
  expect(await analyzer.shown(company)).toEqual(['2025-11-17 10:00:00 langfuse: stars rose 900% to 1,000'])
})

test('a kill among many observations leaves every news item once', async () => {
  const env = { CONSUME_MAX_BATCH: '20', SESSION_TIMEOUT_MS: '6000' }
  const service = await analyzer.startAnalyzer(env)
  const { company, observation, addRule } = await analyzer.createSeries()
  await addRule(25)
  const observations = Array.from({ length: 300 }, (_, n) => observation(n, [{ number: 2 ** (n + 5) }]))
  await analyzer.send(...observations)
  await waitFor('some to be judged', async () => (await analyzer.stored(company)).length > 0)
  await service.kill()
  await analyzer.startAnalyzer(env)
  await analyzer.settled(...observations)
  await waitFor('all news on the topic', async () => {
    const ids = new Set((await analyzer.newsOf(company)).map(({ news_id }) => news_id))
    return ids.size === 299
  })
  expect((await analyzer.stored(company)).length).toBe(299)
})
