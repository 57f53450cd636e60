import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Codec, createCodec } from '#schemas/codec.ts'
import type { News, Observation, ObservedValue, OpsEvent } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { type Topic, topics } from '#schemas/topics.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

const start = Date.parse('2026-11-16T10:00:00Z')
const dayMs = 86_400_000
let installation: Installation
let service: StartedService
let codec: Codec
let eventNo = 0

beforeAll(async () => {
  installation = await createInstallation()
  codec = createCodec(createRegistry(installation.env.SCHEMA_REGISTRY_URL ?? ''))
  await startAnalyzer()
})

async function startAnalyzer(env: NodeJS.ProcessEnv = {}): Promise<void> {
  service = await installation.start('analyzer', { RULES_MAX_AGE_MS: '200', ...env })
}

async function insert(statement: string, values: unknown[] = []): Promise<number> {
  const [row] = await installation.database.query<{ id: number }>(statement, values)
  return row!.id
}

/** A company with one measurement, and the observations that speak of it. */
async function createSeries(type = 'int', name = 'stars') {
  const company = await insert(`INSERT INTO public.company (name, modified_at) VALUES ('langfuse', now()) RETURNING id`)
  const source =
    await insert(`INSERT INTO public.data_source (source_name, is_active, frequency, health_status, modified_at)
    VALUES ('github', true, 'DAILY', 'UP', now()) RETURNING id`)
  const measurement = await insert(
    `INSERT INTO public.source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, $2, $3, now()) RETURNING id`,
    [source, type, name],
  )
  const series = await insert(
    'INSERT INTO public.company_source_measurement (source_measurement_id, company_id) VALUES ($1, $2) RETURNING company_measurement_id AS id',
    [measurement, company],
  )
  const value = (found: Partial<ObservedValue>): ObservedValue => ({
    ...{
      seq: 0,
      source_measurement_id: measurement,
      company_measurement_id: series,
      measurement_name: name,
      type,
      path: name,
    },
    ...{ item_key: null, item_label: null, number: null, text: null, date: null, members: null },
    ...found,
  })
  const observation = (
    day: number,
    values: Partial<ObservedValue>[],
    changes: Partial<Observation> = {},
  ): Observation => ({
    ...{
      event_id: randomUUID(),
      event_no: ++eventNo,
      part: 1,
      parts: 1,
      data_source_id: source,
      source_name: 'github',
    },
    ...{ company_id: String(company), task_id: 7, map_version: 1, observed_at: start + day * dayMs, history: false },
    ...{ replay_id: null, subject_key: '', values: values.map(value), refused: 0 },
    ...changes,
  })
  const addRule = (threshold: number, method: string | null = null, entries: number | null = null) =>
    insert(
      `INSERT INTO public.notification_rules (rule_name, source_measurement_id, threshold, aggregation_method, num_aggregation_entries, modified_at)
       VALUES ('a rule', $1, $2, $3, $4, now()) RETURNING rule_id AS id`,
      [measurement, threshold, method, entries],
    )
  return { company, source, measurement, series, observation, addRule }
}

async function send(...observations: Observation[]): Promise<void> {
  const { topics: own } = installation
  const values = await Promise.all(
    observations.map((one) => codec.encode(topics.observations, own.prefix + topics.observations.name, one)),
  )
  await own.produce(
    topics.observations.name,
    values.map((value, index) => ({ key: observations[index]!.company_id, value })),
  )
}

async function readAll<T>(
  topic: Topic<T>,
): Promise<{ value: T; headers: Record<string, string>; key: string | null }[]> {
  const records = await installation.topics.read(topic.name)
  return Promise.all(
    records.map(async ({ value, headers, key }) => ({ value: await codec.decode(topic, value), headers, key })),
  )
}

const newsOf = async (company: number): Promise<News[]> =>
  (await readAll(topics.news)).map(({ value }) => value).filter(({ company_id }) => company_id === String(company))

/** Resolves when the observations have taken effect. */
async function settled(...observations: Observation[]): Promise<void> {
  await waitFor('the observations to be judged', async () => {
    const ids = [...new Set(observations.map(({ event_id }) => event_id))]
    const rows = await installation.database.query(
      'SELECT FROM analyzer.event_status WHERE event_id = ANY($1) AND stage = $2',
      [ids, 'judged'],
    )
    return rows.length === ids.length
  })
}

const stored = (company: number) =>
  installation.database.query<{ title: string; trigger_factor: string | null; silent: boolean }>(
    `SELECT p.title, p.message, p.trigger_factor, p.timestamp::text, p.data_source_id, p.source_measurement_id, n.silent
     FROM public.news p JOIN analyzer.news n ON n.public_news_id = p.id WHERE p.company_id = $1 ORDER BY p.id`,
    [company],
  )

test('a value that changes is news once, in both tables and on the topic, however often it is delivered', async () => {
  const { company, source, measurement, observation } = await createSeries()
  const [first, second] = [observation(0, [{ number: 1561 }]), observation(7, [{ number: 2000 }])]
  await send(first, second)
  await waitFor('the news', async () => (await newsOf(company)).length === 1)
  await send(first, second, second)
  const all = await waitFor('the news of all deliveries', async () => {
    const news = await newsOf(company)
    return news.length >= 3 && news
  })
  expect(all[0]).toMatchObject({
    kind: 'threshold',
    severity: 'info',
    title: 'Stars of langfuse rose 28% to 2,000',
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
  expect(await stored(company)).toEqual([
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
  const [record] = (await readAll(topics.news)).filter(({ value }) => value.company_id === String(company))
  expect(record).toMatchObject({
    key: String(company),
    headers: { event_id: all[0]?.news_id, group_id: all[0]?.event_id, traceparent: expect.any(String) as string },
  })
})

describe('rules', () => {
  test('one that is added and then changed takes effect without a restart, with a version of its own', async () => {
    const { company, observation, addRule } = await createSeries()
    const unruled = [observation(0, [{ number: 100 }]), observation(1, [{ number: 103 }])]
    await send(...unruled)
    await settled(...unruled)
    const rule = await addRule(2)
    await waitFor('the rule to be in force', async () => {
      await send(observation(1, [{ number: 103 }]))
      return (
        (
          await installation.database.query(`SELECT FROM analyzer.rule WHERE rule_id = $1`, [
            `notification_rules/${rule}`,
          ])
        ).length === 1
      )
    })
    await send(observation(2, [{ number: 106 }]))
    const [first] = await waitFor('the news', () => newsOf(company).then((news) => news.length === 1 && news))
    expect(first).toMatchObject({
      rule: { id: `notification_rules/${rule}`, version: 1 },
      previous: '103',
      current: '106',
    })
    await installation.database.query('UPDATE public.notification_rules SET threshold = 1 WHERE rule_id = $1', [rule])
    await waitFor('the change to be in force', async () => {
      await send(observation(2, [{ number: 106 }]))
      return (
        (
          await installation.database.query(`SELECT FROM analyzer.rule WHERE rule_id = $1`, [
            `notification_rules/${rule}`,
          ])
        ).length === 2
      )
    })
    await send(observation(3, [{ number: 107.5 }]))
    const [, second] = await waitFor('the news', () => newsOf(company).then((news) => news.length === 2 && news))
    expect(second).toMatchObject({ rule: { id: `notification_rules/${rule}`, version: 2 } })
  })

  test('one that cannot be followed is told once, on the rule and to operators, and costs nothing', async () => {
    const { company, source, observation, addRule } = await createSeries()
    const rule = await addRule(10, 'stddev')
    const two = await addRule(10, 'SUM', 2)
    const observations = [100, 100, 100, 200].map((number, day) => observation(day, [{ number }]))
    await waitFor('the rules to be in force', async () => {
      await send(observation(-1, [{ number: 100 }]))
      return (
        (
          await installation.database.query('SELECT FROM analyzer.rule_error WHERE rule_id = $1', [
            `notification_rules/${rule}`,
          ])
        ).length === 1
      )
    })
    await send(...observations)
    const news = await waitFor('the news', () => newsOf(company).then((found) => found.length === 1 && found))
    expect(news[0]).toMatchObject({
      title: 'Total stars rose 50% to 300',
      rule: { id: `notification_rules/${two}` },
      facts: { window: '2', latest: '200' },
    })
    const told = (await readAll(topics.opsEvents))
      .map(({ value }) => value)
      .filter(({ subject }) => subject === `notification_rules/${rule}`)
    expect(new Set(told.map(({ event_id }: OpsEvent) => event_id)).size).toBe(1)
    expect(told[0]).toMatchObject({
      kind: 'rule-error',
      service: 'analyzer',
      data_source_id: source,
      message: `Rule "a rule" (notification_rules/${rule}) is not followed: its aggregation method "stddev" is unknown: use sum, avg, count, min, max or median, or none.`,
    })
  })
})

describe('rules of our own', () => {
  type Ruled = { rule_id: string | null; covers: { series: number; companies: number }; definition: object }
  const parma = async <T = Ruled>(...args: string[]) =>
    JSON.parse(await installation.parma('rules', ...args, '--json')) as T
  const ruleOf = (news: readonly News[]) => news.map(({ rule }) => `${rule?.id} ${rule?.version}`)

  test('one that is added fires, one that is switched off does not, without a restart', async () => {
    const { company, source, observation } = await createSeries()
    let day = 0
    /** One more value, 4 above the last; returns the rules that told it. */
    const step = async () => {
      const next = observation(day, [{ number: 1000 + 4 * day++ }])
      await send(next)
      await settled(next)
      const rows = await installation.database.query<{ rule: string }>(
        `SELECT rule_id || ' ' || rule_version AS rule FROM analyzer.news WHERE event_id = $1`,
        [next.event_id],
      )
      return rows.map(({ rule }) => rule)
    }
    expect(await step()).toEqual([])
    expect(await step()).toEqual([])
    const asked = ['--name', 'steps', '--absolute', '3', '--source', String(source), '--severity', 'critical']
    const tried = await parma('add', ...asked, '--dry-run')
    expect(tried).toMatchObject({ rule_id: null, covers: { series: 1, companies: 1, measurements: 1 } })
    const { rule_id, definition } = await parma('add', ...asked, '--by', 'somebody')
    expect(definition).toEqual(tried.definition)
    await waitFor('the rule to fire', async () => (await step()).join() === `${rule_id} 1`)
    const [news] = await waitFor('the news', () => newsOf(company).then((all) => all.length > 0 && all))
    expect(news).toMatchObject({ severity: 'critical', facts: { change: '4', threshold: '3' } })
    await parma('edit', rule_id!, '--direction', 'up', '--by', 'another')
    await waitFor('the change to be in force', async () => (await step()).join() === `${rule_id} 2`)
    await parma('disable', rule_id!, '--by', 'somebody')
    await waitFor('the rule to be silent', async () => (await step()).length === 0)
    const listed = await parma<Record<string, unknown>[]>('ls')
    expect(listed.find((one) => one.rule_id === rule_id)).toMatchObject({
      ...{ version: 3, name: 'steps', fires: 'a rise by 3 or more', about: `source ${source}` },
      ...{ severity: 'critical', enabled: false, problem: null, changed_by: 'somebody' },
    })
    await expect(parma('disable', rule_id!)).rejects.toThrow('is switched off already')
    await expect(parma('edit', '12345', '--percent', '5')).rejects.toThrow('There is no rule "12345"')
  })

  test('a narrower one holds for its company alone; one that is no rule is told once and costs nothing', async () => {
    const [one, other] = [await createSeries('int', 'followers'), await createSeries('int', 'followers')]
    await installation.database.query(
      `INSERT INTO analyzer.rule (rule_id, version, definition) VALUES ('rule/900000', 1, '{"name": "by hand"}')`,
    )
    const fields = ['--name', 'followers', '--measurement', 'follow*']
    const narrow = await parma('add', ...fields, '--absolute', '50', '--company', String(one.company), '--by', 'x')
    const general = await parma('add', ...fields, '--absolute', '5', '--by', 'x')
    let day = 0
    const step = async () => {
      const number = 1000 + 10 * day
      const both = [one, other].map(({ observation }) => observation(day, [{ number }]))
      day++
      await send(...both)
      await settled(...both)
    }
    await step()
    const [news] = await waitFor('the general rule to fire', async () => {
      await step()
      const found = await newsOf(other.company)
      return found.length > 0 && found
    })
    expect(ruleOf([news!])).toEqual([`${general.rule_id} 1`])
    day += 10
    await step()
    const narrowed = await waitFor('the narrow rule to fire', () =>
      newsOf(one.company).then((found) => found.length > 0 && found),
    )
    expect(ruleOf(narrowed)).toEqual([`${narrow.rule_id} 1`])
    const told = await waitFor('the rule to be reported', async () => {
      const events = (await readAll(topics.opsEvents)).map(({ value }) => value)
      const found = events.filter(({ subject }) => subject === 'rule/900000')
      return found.length > 0 && found
    })
    expect(new Set(told.map(({ event_id }) => event_id)).size).toBe(1)
    expect(told[0]).toMatchObject({
      kind: 'rule-error',
      message: expect.stringMatching(/^Rule "rule\/900000" .* is not followed: its definition is wrong/) as string,
    })
  })
})

test('the first values, history, replays and late observations are silent; late ones leave newer state alone', async () => {
  const { company, series, measurement, source, observation } = await createSeries()
  const history = [10, 20].map((number, day) => observation(day, [{ number }], { history: true }))
  const live = observation(10, [{ number: 40 }])
  await send(...history, live)
  await settled(live)
  // The normalizer's values, which a late observation is judged by.
  await installation.database.query(`SELECT normalizer.create_month($1)`, [new Date(start)])
  await installation.database.query(
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
  await send(late, replay, after)
  await settled(late, replay, after)
  const rows = (await stored(company)).map(({ title, silent }) => `${title}${silent ? ' (silent)' : ''}`)
  expect(rows).toEqual([
    'Stars of langfuse rose 100% to 20 (silent)',
    'Stars of langfuse rose 100% to 40',
    'Stars of langfuse rose 75% to 35 (silent)',
    'Stars of langfuse rose 100% to 80 (silent)',
  ])
  // The same change at the same time, of payloads posted again in another run.
  const again = [observation(1, [{ number: 20 }]), observation(5, [{ number: 35 }]), observation(5, [{ number: 35 }])]
  await send(...again)
  await settled(...again)
  expect(await stored(company)).toHaveLength(rows.length)
})

test('a payload in parts is one group, told with its last part', async () => {
  const { company, observation } = await createSeries()
  const item = (seq: number, number: number) => ({ seq, number, item_key: `item ${seq}`, item_label: `repo${seq}` })
  await send(observation(0, [item(1, 10), item(2, 10), item(3, 10)]))
  const whole = observation(1, [])
  const part = (n: number, number: number): Observation => ({
    ...whole,
    part: n,
    parts: 3,
    values: observation(1, [item(n, number)]).values,
  })
  await send(part(1, 20), part(2, 10))
  await waitFor(
    'the first parts',
    async () => (await installation.database.query('SELECT FROM analyzer.pending_part')).length === 2,
  )
  expect(await newsOf(company)).toEqual([])
  await send(part(1, 20), part(2, 10), part(3, 30))
  const news = await waitFor('the news', () => newsOf(company).then((found) => found.length === 2 && found))
  expect(
    news.map(({ title, group_index, group_size, item_key }) => ({ title, group_index, group_size, item_key })),
  ).toEqual([
    { title: 'Stars of repo1 rose 100% to 20', group_index: 0, group_size: 2, item_key: 'item 1' },
    { title: 'Stars of repo3 rose 200% to 30', group_index: 1, group_size: 2, item_key: 'item 3' },
  ])
  expect(await installation.database.query('SELECT FROM analyzer.pending_part')).toEqual([])
})

test('items of a list that appear and are gone are news, of each payload once', async () => {
  const { company, measurement, observation } = await createSeries()
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
  await send(...observations)
  await settled(...observations)
  await send(...observations)
  await waitFor('the news, told again', async () => (await newsOf(company)).length >= 4)
  const news = new Map((await newsOf(company)).map((one) => [one.news_id, one]))
  expect([...news.values()]).toMatchObject([
    {
      ...{ kind: 'appeared', title: 'Repos of langfuse gained repo c', item_key: 'c', rule: null, silent: false },
      ...{ event_id: observations[1]?.event_id, source_measurement_id: measurement, previous: null, current: 'repo c' },
      message: 'langfuse: repos gained repo c (github): stars 12.',
    },
    {
      ...{ kind: 'gone', title: 'Repos of langfuse lost repo b', item_key: 'b', event_id: observations[3]?.event_id },
      message: 'langfuse: repos lost repo b (github), last seen 23 November 2026.',
    },
  ])
  expect((await stored(company)).map(({ title }) => title)).toEqual([...news.values()].map(({ title }) => title))
})

test('a company, a source or a measurement that is gone costs its own news alone', async () => {
  const [gone, kept] = [await createSeries(), await createSeries()]
  const before = [gone.observation(0, [{ number: 10 }]), kept.observation(0, [{ number: 10 }])]
  await send(...before)
  await settled(...before)
  await installation.database.query('DELETE FROM public.company WHERE id = $1', [gone.company])
  const after = [gone.observation(1, [{ number: 20 }]), kept.observation(1, [{ number: 20 }])]
  await send(...after)
  await waitFor('the news of the one that is there', async () => (await newsOf(kept.company)).length === 1)
  await settled(...after)
  expect(await newsOf(gone.company)).toEqual([])
})

test('keys longer than an index can hold, names with markup, and values of every type', async () => {
  const { company, observation } = await createSeries('text', '<b>{name}</b>')
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
  await send(first, second)
  const news = await waitFor('the news', () => newsOf(company).then((found) => found.length === 2 && found))
  expect(news.map(({ message }) => message)).toEqual([
    'langfuse: <b>{name}</b> of ${x} {{y}} changed from a to bb since 16 November 2026, 10:00 UTC (github).',
    'langfuse: <b>{name}</b> of set changed since 16 November 2026, 10:00 UTC (github): added z; removed x. Before: x and y. Now: y and z.',
  ])
  expect(news.map(({ trigger_factor, rule }) => ({ trigger_factor, rule }))).toEqual([
    { trigger_factor: null, rule: null },
    { trigger_factor: null, rule: null },
  ])
})

test('what cannot be an observation is a dead letter, and its neighbours are judged', async () => {
  const { company, observation } = await createSeries()
  const bad = [
    observation(0, [], { company_id: 'x' }),
    observation(0, [], { event_id: 'x' }),
    observation(0, [], { part: 2 }),
  ]
  const known = observation(0, [{ number: 10 }])
  await send(...bad, known, { ...known, event_no: known.event_no + 1000 }, observation(1, [{ number: 20 }]))
  await waitFor('the news', async () => (await newsOf(company)).length === 1)
  const reasons = await waitFor('the dead letters', async () => {
    const records = await installation.topics.read(`${topics.observations.name}.analyzer.dlq`)
    return records.length >= 4 && records.map(({ headers }) => headers['__dlq.reason'])
  })
  expect(reasons.toSorted()).toEqual(['conflict', 'invalid', 'invalid', 'invalid'])
})

// The two that end the service of this file come last.
test('what is told again is what was stored, not what would be judged now', async () => {
  const { company, observation } = await createSeries()
  const [first, second] = [observation(0, [{ number: 10 }]), observation(1, [{ number: 20 }])]
  await send(first, second)
  const [before] = await waitFor('the news', () => newsOf(company).then((news) => news.length === 1 && news))
  await installation.database.query('UPDATE public.company SET name = $2 WHERE id = $1', [company, 'renamed'])
  expect(await service.stop()).toBe(0)
  await startAnalyzer({ DEFAULT_PERCENT_THRESHOLD: '500' })
  await send(second)
  const [, again] = await waitFor('the news again', () => newsOf(company).then((news) => news.length === 2 && news))
  expect(again).toEqual(before)
})

test('a kill in the middle of many leaves every news once', async () => {
  await startAnalyzer({ CONSUME_MAX_BATCH: '20' })
  const { company, observation } = await createSeries()
  const observations = Array.from({ length: 300 }, (_, n) => observation(n, [{ number: 2 ** (n + 5) }]))
  await send(...observations)
  await waitFor('some to be judged', async () => (await stored(company)).length > 0)
  await service.kill()
  await startAnalyzer()
  await settled(...observations)
  await waitFor('all news on the topic', async () => {
    const ids = new Set((await newsOf(company)).map(({ news_id }) => news_id))
    return ids.size === 299
  })
  expect((await stored(company)).length).toBe(299)
})
