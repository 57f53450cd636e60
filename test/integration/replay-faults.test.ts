import { beforeAll, expect, test, vi } from 'vitest'
import fc from 'fast-check'
import pg from 'pg'
import { commands } from '../../services/normalizer/commands.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type Fed, type Mapping, normalizerBench, type Source } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let installation: Installation
let bench: ReturnType<typeof normalizerBench>

const start = () => installation.start('normalizer', { MAP_WAIT_MS: '2000' })

beforeAll(async () => {
  installation = await createInstallation()
  bench = normalizerBench(installation)
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  await Promise.all([start(), installation.start('raw-sink')])
  return () => vi.unstubAllEnvs()
})

type Report = Record<'same' | 'kept' | 'added' | 'changed' | 'removed' | 'refused', number> & { problems: object }
type Replay = { state: string; done: number; report: Report }

const field = (SourceField: string, DataType: string): Mapping => ({ SourceField, DataType })
const select = <Row extends pg.QueryResultRow>(text: string, ...values: unknown[]) =>
  installation.database.query<Row>(text, values)

/** Feeds payloads and waits until both services have them. */
async function feed(payloads: Fed[]): Promise<(string | null)[]> {
  await bench.feed(payloads)
  const documents = payloads.map(({ source_name, event_id }) =>
    installation.firestore.client.doc(`parma/mining/datasource/${source_name}/raw_data/${event_id}`),
  )
  await waitFor('the raw documents', async () =>
    (await installation.firestore.client.getAll(...documents)).every(({ exists }) => exists),
  )
  return bench.settled(payloads, 60_000)
}

const replay = (source: Source, mode: string, ...args: string[]) =>
  runCommand<Replay>(commands.replay, '--source', source.name, '--mode', mode, '--wait', ...args)
const begin = async (source: Source, mode: string, ...args: string[]) =>
  (await runCommand<{ replay: number }>(commands.replay, '--source', source.name, '--mode', mode, ...args)).replay

/** All that a replay may not touch: the values of a source with their times, and what parma-web shows of them. */
async function valuesOf({ id }: Source) {
  const values = await select<{ event_no: string; observed_at: Date; path: string; number: number | null }>(
    `SELECT event_no, replay_no, generation_no, observed_at, seq, path, item_key, item_label, type, number, text, date,
       members, subject_key, company_measurement_id
     FROM normalizer.value WHERE data_source_id = $1 ORDER BY event_no, seq, path`,
    id,
  )
  const tables = ['int', 'float', 'text', 'paragraph', 'link', 'date']
  const shown = await Promise.all(
    tables.map((table) =>
      select(
        `SELECT v.* FROM measurement_${table}_value v JOIN company_source_measurement USING (company_measurement_id)
         JOIN source_measurement m ON m.id = source_measurement_id WHERE m.source_module_id = $1 ORDER BY v.id`,
        id,
      ),
    ),
  )
  return { values, shown }
}

/** A source whose second map has other types of the same measurements. */
async function withMaps(first: Mapping[], second: Record<string, string>): Promise<Source & { next(): Promise<void> }> {
  const source = await bench.addSource(first)
  const mappings = source.mappings.map((entry) => ({
    ...entry,
    DataType: second[entry.SourceField] ?? entry.DataType,
  }))
  return { ...source, next: () => bench.publishMap({ ...source, mappings }, 2) }
}

test('values of a month that had none, because its payload was refused, are filled', async () => {
  const source = await withMaps([field('name', 'text')], {})
  const observed_at = Date.UTC(2015, 2, 3)
  const payload = bench.payload(source, await bench.addCompany(), { name: 'x' }, { map_version: 2, observed_at })
  expect(await feed([payload])).toEqual(['map-missing'])
  await source.next()
  expect(await replay(source, 'fill')).toMatchObject({ state: 'done', report: { added: 1, problems: {} } })
  const { values } = await valuesOf(source)
  expect(values).toMatchObject([{ path: 'name', text: 'x', observed_at: new Date(observed_at) }])
  expect(await bench.counts(source)).not.toHaveProperty('refused')
})

test('a leaf whose value stays is not refused: by fill, and where somebody corrected it', async () => {
  const source = await withMaps([field('a', 'text'), field('b', 'date')], { a: 'date', b: 'text' })
  const payload = bench.payload(source, await bench.addCompany(), { a: 'x', b: 'y' })
  await feed([payload])
  await source.next()
  expect(await bench.counts(source)).toMatchObject({ refused: 1 })
  expect((await replay(source, 'fill')).report).toMatchObject({ added: 1, refused: 0 })
  expect(await bench.counts(source)).not.toHaveProperty('refused')
  await runCommand(
    commands.values,
    ...['correct', '--event', payload.event_id, '--path', 'a', '--value', 'z', '--reason', 'wrong'],
  )
  expect((await replay(source, 'replace')).report).toMatchObject({ kept: 1, same: 1, removed: 0, refused: 0 })
  expect(await bench.counts(source)).toMatchObject({ value: 2, text: 2 })
  expect(await bench.counts(source)).not.toHaveProperty('refused')
})

test('a replay that others hold up is kept, loses no attempt, and changes nothing once it is canceled', async () => {
  const source = await withMaps([field('size', 'text')], { size: 'int' })
  const company = await bench.addCompany()
  await feed([bench.payload(source, company, { size: '12' })])
  await source.next()
  const before = await valuesOf(source)
  const other = new pg.Client({ connectionString: installation.database.url })
  await other.connect()
  let no: number
  try {
    await other.query('BEGIN')
    await other.query('SELECT FROM normalizer.last_observed WHERE company_id = $1 FOR UPDATE', [String(company)])
    no = await begin(source, 'replace')
    // Longer than its lease and than the patience for a lock: the page has begun more than once.
    await waitFor(
      'the lease to be extended',
      async () =>
        (
          await select(
            `SELECT FROM normalizer.replay WHERE replay_no = $1 AND leased_until > asked_at + interval '30 s'`,
            no,
          )
        ).length === 1,
      90_000,
    )
    expect(await select('SELECT done FROM normalizer.replay WHERE replay_no = $1 AND attempts <= 1', no)).toEqual([
      { done: 0 },
    ])
    await waitFor('the page to wait', async () => {
      const waiting = await select(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return waiting.length > 0
    })
    await runCommand(commands.replays, 'cancel', String(no))
  } finally {
    await other.end()
  }
  expect((await replay(source, 'compare')).report).toMatchObject({ changed: 1 })
  expect(await valuesOf(source)).toEqual(before)
  expect(await select('SELECT state, done FROM normalizer.replay WHERE replay_no = $1', no)).toEqual([
    { state: 'canceled', done: 0 },
  ])
  expect((await replay(source, 'replace')).report).toMatchObject({ changed: 1 })
}, 180_000)

test('two normalizers, live payloads of the company and a correction meanwhile: every value once, in order', async () => {
  const source = await withMaps([field('name', 'text'), field('size', 'text')], { size: 'int' })
  const company = await bench.addCompany()
  const make = (from: number, count: number, map_version: number) =>
    Array.from({ length: count }, (_, n) =>
      bench.payload(source, company, { name: `n${from + n}`, size: String(from + n) }, { map_version }),
    )
  const old = make(0, 60, 1)
  await feed(old)
  const times = (await valuesOf(source)).values.map(({ event_no, path, observed_at }) => ({
    event_no,
    path,
    observed_at,
  }))
  await source.next()
  const second = await start()
  const no = await begin(source, 'replace', '--rate', '20')
  const live = make(60, 40, 2)
  await bench.feed(live.slice(0, 20))
  await runCommand(
    commands.values,
    ...['correct', '--event', old[59]!.event_id, '--path', 'name', '--value', 'right', '--reason', 'wrong'],
  )
  await second.kill()
  await bench.feed(live.slice(20))
  await bench.settled(live, 90_000)
  const end = await waitFor(
    'the end of the replay',
    async () => {
      const [row] = await select<Replay>('SELECT state, done, report FROM normalizer.replay WHERE replay_no = $1', no)
      return row!.state !== 'running' && row
    },
    90_000,
  )
  expect(end).toMatchObject({ state: 'done', done: 60, report: { changed: 60, added: 0, removed: 0 } })
  const { values } = await valuesOf(source)
  const sizes = values.filter(({ path }) => path === 'size')
  expect(sizes.map(({ number }) => number)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  const observed = sizes.map(({ observed_at }) => observed_at.getTime())
  expect(observed).toEqual([...new Set(observed)].sort((a, b) => a - b))
  const oldTimes = values.map(({ event_no, path, observed_at }) => ({ event_no, path, observed_at }))
  expect(oldTimes.slice(0, 120)).toEqual(times)
  expect(await bench.counts(source)).toMatchObject({ value: 200, text: 100, int: 100 })
  expect(values.filter(({ path }) => path === 'name')[59]).toMatchObject({ text: 'right' })
}, 180_000)

test('a correction of an int waits for whoever makes its measurement a float one, and goes to the same table', async () => {
  const source = await withMaps([field('stars', 'int')], {})
  const payload = bench.payload(source, await bench.addCompany(), { stars: 1 })
  await feed([payload])
  const other = new pg.Client({ connectionString: installation.database.url })
  await other.connect()
  let corrected: Promise<unknown>
  try {
    await other.query('BEGIN')
    await other.query(`SELECT pg_advisory_xact_lock(hashtextextended('normalizer.measurement_type', 0))`)
    await other.query(`UPDATE source_measurement SET type = 'float' WHERE source_module_id = $1`, [source.id])
    await other.query(
      `WITH moved AS (
         DELETE FROM measurement_int_value v USING company_source_measurement s, source_measurement m
         WHERE s.company_measurement_id = v.company_measurement_id AND m.id = s.source_measurement_id
           AND m.source_module_id = $1 RETURNING v.*
       )
       INSERT INTO measurement_float_value (company_measurement_id, value, timestamp, created_at, modified_at)
       SELECT company_measurement_id, value, timestamp, created_at, modified_at FROM moved`,
      [source.id],
    )
    corrected = runCommand(
      commands.values,
      ...['correct', '--event', payload.event_id, '--path', 'stars', '--value', '2', '--reason', 'wrong'],
    )
    await waitFor('the correction to wait', async () => {
      const waiting = await select(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
      )
      return waiting.length > 0
    })
    await other.query('COMMIT')
  } finally {
    await other.end()
  }
  await corrected
  const counts = await bench.counts(source)
  expect(counts).toMatchObject({ value: 1, float: 1 })
  expect(counts).not.toHaveProperty('int')
})

test('a value takes its own row of parma-web with it, also where nobody has noted which one that is', async () => {
  const list = { SourceField: 'list', DataType: 'nested', NestedMappings: [field('id', 'text'), field('score', 'int')] }
  const source = await bench.addSource([list])
  const payload = bench.payload(source, await bench.addCompany(), {
    list: ['a', 'b', 'c'].map((id) => ({ id, score: 1 })),
  })
  await feed([payload])
  const scores = () =>
    select<{ item_key: string; path: string; number: number; value: number | null }>(
      `SELECT item_key, path, number, p.value FROM normalizer.value v LEFT JOIN measurement_int_value p ON p.id = v.public_id
       WHERE data_source_id = $1 AND type = 'int' ORDER BY 1`,
      source.id,
    )
  const correct = async (item: string, value: string) => {
    const path = (await scores())[0]!.path
    await runCommand(
      commands.values,
      ...[
        'correct',
        '--event',
        payload.event_id,
        '--path',
        path,
        '--item',
        item,
        '--value',
        value,
        '--reason',
        'wrong',
      ],
    )
  }
  const shown = async () => (await valuesOf(source)).shown[0]!.map((row) => (row as { value: number }).value)
  // Three equal rows: that of `a` has gone, and `b` and `c` keep theirs.
  await select(
    `DELETE FROM measurement_int_value WHERE id = (SELECT public_id FROM normalizer.value
    WHERE data_source_id = $1 AND item_key = 'a' AND type = 'int')`,
    source.id,
  )
  await correct('a', '2')
  expect((await scores()).map(({ item_key, value }) => [item_key, value])).toEqual([
    ['a', 2],
    ['b', 1],
    ['c', 1],
  ])
  expect(await shown()).toEqual([1, 1, 2])
  // As values are from before it was noted.
  await select('UPDATE normalizer.value SET public_id = NULL WHERE data_source_id = $1', source.id)
  await correct('b', '3')
  expect(await shown()).toEqual([1, 2, 3])
  await bench.publishMap({ ...source, mappings: [] }, 2)
  await replay(source, 'replace')
  expect(await bench.counts(source)).toMatchObject({ value: 2, int: 2 })
  expect(await shown()).toEqual([2, 3])
})

test('a row that parma-web has deleted comes back only with another value', async () => {
  const source = await withMaps([field('same', 'text'), field('size', 'text')], { size: 'int' })
  await feed([bench.payload(source, await bench.addCompany(), { same: 'x', size: '12' })])
  await source.next()
  await select(
    `DELETE FROM measurement_text_value v USING company_source_measurement, source_measurement m
     WHERE v.company_measurement_id = company_source_measurement.company_measurement_id AND m.id = source_measurement_id
       AND m.source_module_id = $1`,
    source.id,
  )
  expect((await replay(source, 'replace')).report).toMatchObject({ same: 1, changed: 1 })
  const counts = await bench.counts(source)
  expect(counts).toMatchObject({ value: 2, int: 1 })
  expect(counts).not.toHaveProperty('text')
})

const scalar = fc.oneof(
  ...[fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)],
  ...[fc.string({ maxLength: 20 }), fc.constantFrom('12', '2024-01-02', '2024-01-02T03:04:05Z', 'https://x.test/a')],
)
const names = ['a', 'b', 'c', 'd']
const scalars = fc.dictionary(fc.constantFrom(...names), scalar, { maxKeys: 4 })
const item = fc.tuple(fc.constantFrom('x', 'y', 'z'), scalars).map(([id, more]) => ({ id, ...more }))
const payload = fc.tuple(scalars, fc.array(item, { maxLength: 4 })).map(([top, list]) => ({ ...top, list }))
const type = fc.constantFrom('int', 'float', 'text', 'paragraph', 'link', 'date', 'bool')
const fields = fc
  .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
  .chain((some) => fc.tuple(...some.map((name) => type.map((of) => field(name, of)))))
const mappings = fc
  .tuple(fields, fields)
  .map(([top, nested]): Mapping[] => [
    ...top,
    { SourceField: 'list', DataType: 'nested', NestedMappings: [field('id', 'text'), ...nested] },
  ])

test('a replay by the same map changes no value and no time, whatever the payloads and the map', async () => {
  const seed = Date.now()
  const cases = fc.sample(fc.tuple(mappings, fc.array(payload, { minLength: 12, maxLength: 12 })), { numRuns: 5, seed })
  for (const [index, [map, contents]] of cases.entries()) {
    const source = await bench.addSource(map)
    const companies = [await bench.addCompany(), await bench.addCompany()]
    await feed(contents.map((data, n) => bench.payload(source, companies[n % 2]!, data)))
    const before = await valuesOf(source)
    for (const of of ['then', 'now']) {
      const { report } = await replay(source, 'replace', '--map', of)
      const why = `case ${index} of seed ${seed}, map ${of}: ${JSON.stringify(map)}`
      expect(report, why).toMatchObject({ same: before.values.length, added: 0, changed: 0, removed: 0, problems: {} })
      expect(await valuesOf(source), why).toEqual(before)
    }
  }
}, 180_000)
