import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { commands } from '../../services/normalizer/commands.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'
import { type Fed, type Mapping, normalizerBench } from '../harness/normalizer/setup.ts'

const github: Mapping[] = [
  { SourceField: 'name', DataType: 'text', MeasurementName: 'company name' },
  { SourceField: 'url', DataType: 'link' },
  {
    SourceField: 'repos',
    DataType: 'nested',
    NestedMappings: [
      { SourceField: 'name', DataType: 'text', MeasurementName: 'repository name' },
      { SourceField: 'description', DataType: 'paragraph' },
      { SourceField: 'pushed_at', DataType: 'date' },
      { SourceField: 'html_url', DataType: 'link' },
      { SourceField: 'stars', DataType: 'INT' },
      { SourceField: 'archived', DataType: 'bool' },
      { SourceField: 'topics', DataType: 'text' },
    ],
  },
  { SourceField: 'size', DataType: 'int' },
]
const repo = (name: string, stars: number) => ({
  ...{ name, stars, html_url: `https://g/${name}`, description: '', pushed_at: '2024-02-02 07:58:40+02:00' },
  ...{ archived: false, topics: ['b', 'a'] },
})
const org = { name: 'Org', url: 'https://g', repos: [repo('x', 1), repo('y', 2)], size: 3_000_000_000 }

let installation: Installation
let bench: ReturnType<typeof normalizerBench>
beforeAll(async () => {
  installation = await createInstallation()
  bench = normalizerBench(installation)
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  onCleanup(() => void vi.unstubAllEnvs())
  await installation.start('normalizer', { MAP_WAIT_MS: '4000', MAX_LEAVES: '1000', MAX_DEPTH: '20' })
})

describe('a payload', () => {
  test('is stored value by value, for us and for parma-web, and told', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payload = bench.payload(source, company, org, { task_id: 7 })
    await bench.feed([payload])
    const record = await bench.observedOnce(payload)

    expect(record.key).toBe(String(company))
    expect(record.headers).toMatchObject({ event_id: payload.event_id, traceparent: expect.stringMatching(/^00-/) })
    const { values, ...head } = record.value
    expect(head).toMatchObject({
      ...{ event_id: payload.event_id, part: 1, parts: 1, data_source_id: source.id, source_name: source.name },
      ...{ company_id: String(company), task_id: 7, map_version: 1, observed_at: payload.received_at, history: false },
      ...{ replay_id: null, subject_key: 'https://g', refused: 0 },
    })
    const item = { item_key: 'https://g/x', item_label: 'x' }
    expect(values.slice(0, 9)).toMatchObject([
      { path: 'name', measurement_name: 'company name', text: 'Org', item_key: null, number: null },
      { path: 'url', type: 'link', text: 'https://g' },
      { path: 'repos[].name', measurement_name: 'repository name', text: 'x', ...item },
      { path: 'repos[].stars', type: 'int', number: 1, text: null, ...item },
      { path: 'repos[].html_url', type: 'link', text: 'https://g/x', ...item },
      { path: 'repos[].description', type: 'paragraph', text: '', ...item },
      { path: 'repos[].pushed_at', date: Date.parse('2024-02-02T05:58:40Z'), ...item },
      { path: 'repos[].archived', type: 'bool', number: 0, ...item },
      { path: 'repos[].topics', text: null, members: ['a', 'b'], ...item },
    ])
    expect(values.at(-1)).toMatchObject({ path: 'size', type: 'int', number: 3_000_000_000 })

    expect(await bench.counts(source)).toEqual({
      ...{ processed_event: 1, value: 17, series: 11, int: 4, float: 1, text: 5, paragraph: 2, link: 3, date: 2 },
    })
    const names = await installation.database.query(
      `SELECT measurement_name, value, timestamp = $2 AND v.created_at BETWEEN $3 AND $4 AND v.modified_at = v.created_at AS timed
       FROM measurement_text_value v JOIN company_source_measurement USING (company_measurement_id)
       JOIN source_measurement m ON m.id = source_measurement_id
       WHERE company_id = $1 AND measurement_name IN ('company name', 'topics') ORDER BY 1, 2`,
      [
        company,
        ...[payload.received_at, payload.received_at - 5000, Date.now() + 5000].map((ms) =>
          new Date(ms).toISOString().slice(0, -1),
        ),
      ],
    )
    expect(names).toEqual([
      { measurement_name: 'company name', value: 'Org', timed: true },
      ...[1, 2].map(() => ({ measurement_name: 'topics', value: '["b","a"]', timed: true })),
    ])
    const [status] = await installation.database.query(
      'SELECT stage, reason FROM normalizer.event_status WHERE event_id = $1',
      [payload.event_id],
    )
    expect(status).toEqual({ stage: 'normalized', reason: null })
  })

  test('delivered again, also after its map has changed, changes nothing and is told the same', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payload = bench.payload(source, company, { ...org, extra: 1 }, { map_version: null })
    const first = bench.payload(source, company, org)
    await bench.feed([first])
    await bench.observed([first])
    await bench.feed([payload, payload])
    await bench.observed([payload])
    const before = await bench.counts(source)

    const renamed = source.mappings
      .filter(({ SourceField }) => SourceField !== 'name')
      .map((entry) => ({
        ...entry,
        MeasurementName: 'new',
        DataType: entry.DataType === 'int' ? 'text' : entry.DataType,
      }))
    await bench.publishMap({ ...source, mappings: renamed }, 2)
    const next = bench.payload(source, company, org, { map_version: 2 })
    await bench.feed([next])
    await bench.observed([next])
    const between = await bench.counts(source)
    await bench.feed([payload])
    const deliveries = await waitFor('the third delivery', async () => {
      const records = (await bench.observations()).filter(({ value }) => value.event_id === payload.event_id)
      return records.length === 3 && records
    })

    expect(deliveries[0]?.value).toMatchObject({ map_version: 1, values: expect.objectContaining({ length: 17 }) })
    expect(deliveries.map(({ bytes }) => bytes.toString('hex'))).toEqual(
      Array(3).fill(deliveries[0]?.bytes.toString('hex')),
    )
    expect(before.value).toBe(34)
    expect(between.value).toBe(34 + 16)
    expect(await bench.counts(source)).toEqual(between)
    const told = await waitFor('the ops event of each delivery', async () => {
      const events = (await bench.opsEvents(source)).filter(({ subject }) => subject === 'extra')
      return events.length === 3 && events
    })
    expect(told).toEqual(Array(3).fill(told[0]))
    expect(told[0]).toMatchObject({ kind: 'unknown-path', subject: 'extra', service: 'normalizer', resolved: false })
  })

  test('of the same millisecond as another is 1 ms later; an explicit time is kept, also a late one', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const received_at = Date.now()
    const [old, ahead] = [Date.parse('2011-03-31T23:59:59.999Z'), received_at + 60_000]
    const payloads = [
      ...[1, 2, 3].map((size) => bench.payload(source, company, { size }, { received_at })),
      bench.payload(source, company, { size: 4 }, { received_at, observed_at: old, history: true }),
      bench.payload(source, company, { size: 5 }, { received_at, observed_at: ahead }),
      bench.payload(source, company, { size: 6 }, { received_at }),
    ]
    await bench.feed(payloads)
    const observed = await bench.observed(payloads)
    expect(observed.map(([record]) => [record?.value.observed_at, record?.value.history])).toEqual([
      [received_at, false],
      [received_at + 1, false],
      [received_at + 2, false],
      [old, true],
      [ahead, false],
      [ahead + 1, false],
    ])
    const stored = await installation.database.query(
      'SELECT observed_at, number FROM normalizer.value WHERE data_source_id = $1 ORDER BY number',
      [source.id],
    )
    expect(stored.map(({ observed_at }) => (observed_at as Date).getTime())).toEqual(
      observed.map(([record]) => record?.value.observed_at),
    )
  })

  test('becomes in Postgres what the table of COERCIONS.md says, row by row', async () => {
    const page = readFileSync(join(root, 'services/normalizer/COERCIONS.md'), 'utf8')
    const rows = [...page.matchAll(/^\| (\w+) \| `(.+)` \| `(.+)` \|$/gm)].map(
      ([, type = '', json = '', becomes = ''], at) => ({
        ...{ field: `f${at}`, type, json, becomes },
      }),
    )
    expect(rows.length).toBeGreaterThan(80)
    const mappings = rows.map(({ field, type }) => ({ SourceField: field, DataType: type }))
    const [source, company] = [await bench.addSource(mappings), await bench.addCompany()]
    const payload = bench.payload(source, company, `{${rows.map(({ field, json }) => `"${field}":${json}`).join()}}`)
    await bench.feed([payload])
    await bench.observedOnce(payload)

    const tables = ['int', 'float', 'text', 'date'].map(
      (name) =>
        `SELECT company_measurement_id, '${name}' AS name, to_jsonb(value) AS value FROM measurement_${name}_value`,
    )
    type Row = { path: string; name: string; value: number | string; digits: string | null; members: string[] | null }
    const stored = await installation.database.query<Row>(
      `SELECT v.path, p.name, p.value, CASE WHEN v.number IS NOT NULL THEN v.text END AS digits, v.members
       FROM normalizer.value v JOIN (${tables.join(' UNION ALL ')}) p USING (company_measurement_id) WHERE v.data_source_id = $1`,
      [source.id],
    )
    const refused = await installation.database.query<{ path: string; reason: string }>(
      'SELECT path, reason FROM normalizer.refused WHERE data_source_id = $1',
      [source.id],
    )
    const found = new Map([
      ...stored.map(({ path, name, value, digits, members }) => {
        const shown = name === 'date' ? new Date(`${value}Z`).toISOString() : JSON.stringify(value)
        const more = `${digits === null ? '' : ` digits ${digits}`}${members ? ` members ${JSON.stringify(members)}` : ''}`
        return [path, `${name} ${shown}${more}`] as const
      }),
      ...refused.map(({ path, reason }) => [path, `refused ${reason}`] as const),
    ])
    expect(rows.map((row) => ({ ...row, becomes: found.get(row.field) }))).toEqual(rows)
  })

  test('may have any keys', async () => {
    const paths = {
      ...{ 'a.b': '["a.b"]', ' a b ': ' a b ', '': '[""]', __proto__x: '__proto__x', constructor: 'constructor' },
      ...{ '\u200fשם': '\u200fשם', 'nul\0': '["nul\\u0000"]', '\ud800': '["\\ud800"]', 'q"[]\\': '["q\\"[]\\\\"]' },
      ['__proto__']: '__proto__',
    }
    const keys = Object.keys(paths)
    const mappings = keys.map((SourceField) => ({ SourceField, DataType: 'int', MeasurementName: 'odd' }))
    const [source, company] = [await bench.addSource(mappings), await bench.addCompany()]
    const payload = bench.payload(source, company, `{${keys.map((key, at) => `${JSON.stringify(key)}:${at}`).join()}}`)
    await bench.feed([payload])
    const { value } = await bench.observedOnce(payload)
    expect(value.values.map(({ path, number }) => [path, number])).toEqual(
      Object.values(paths).map((path, at) => [path, at]),
    )
  })

  test('two subjects of one company in turns keep series and items apart', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const other = { name: null, url: 'https://h', repos: [], size: 0 }
    const payloads = Array.from({ length: 10 }, () => [
      bench.payload(source, company, org),
      bench.payload(source, company, other),
    ]).flat()
    await bench.feed(payloads)
    const observed = await bench.observed(payloads)
    const series = observed.map(([record]) =>
      record?.value.values.map((value) => `${value.company_measurement_id} ${value.item_key}`).join(),
    )
    expect(new Set(series).size).toBe(2)
    expect(observed.map(([record]) => record?.value.subject_key)).toEqual(
      Array(10).fill(['https://g', 'https://h']).flat(),
    )
    expect((await bench.counts(source)).series).toBe(11)
  })

  test('waits for the map it asks for', async () => {
    const [source, company] = [await bench.addSource(github, null), await bench.addCompany()]
    const payload = bench.payload(source, company, org, { map_version: 3 })
    await bench.feed([payload])
    await bench.publishMap(source, 3)
    const record = await bench.observedOnce(payload)
    expect(record.value).toMatchObject({ map_version: 3 })
  })
})

describe('what cannot be stored', () => {
  test('is a refused value, a refused payload or a dead letter, and holds nobody up', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const [mapless, gone] = [await bench.addSource(github, null), await bench.addCompany()]
    await installation.database.query('DELETE FROM company WHERE id = $1', [gone])
    const good = Array.from({ length: 3 }, () => bench.payload(source, company, org))
    const conflict = { ...bench.payload(source, company, { size: 1 }), event_id: good[0]!.event_id }
    const refused = {
      'unknown-company': bench.payload(source, gone, org),
      'company-id': bench.payload(source, 'x1', org),
      unparsable: bench.payload(source, company, '{"name": "a",}'),
      'no-raw-data': bench.payload(source, company, '[1]'),
      'too-deep': bench.payload(source, company, '{"a":'.repeat(30) + '1' + '}'.repeat(30)),
      'too-many-leaves': bench.payload(source, company, { repos: Array(1001).fill({ stars: 1 }) }),
      'wrong-source': bench.payload({ ...mapless, id: source.id }, company, org, { source_name: source.name }),
      'unknown-source': bench.payload({ ...source, id: 2_000_000_000 }, company, org, { map_version: null }),
      'no-map': bench.payload(mapless, company, org, { map_version: null }),
      'map-missing': bench.payload(source, company, org, { map_version: 99 }),
      'observed-at': bench.payload(source, company, org, { observed_at: 0 }),
    }
    const again = bench.payload(source, gone, org)
    await bench.feed([good[0]!, ...Object.values(refused).slice(0, 6), good[1]!, again], 0)
    const [record] = await installation.topics.read('mining.raw-payloads.v1')
    const frame = record!.value!.subarray(0, 5)
    await installation.topics.produce('mining.raw-payloads.v1', [
      { key: '1', value: null, partition: 0 },
      { key: '1', value: '', partition: 0 },
      { key: '1', value: Buffer.from([1, 0, 0, 0, 1, 5]), partition: 0 },
      { key: '1', value: Buffer.concat([frame, Buffer.from([255, 255])]), partition: 0 },
    ])
    const invalid = [{ ...good[1]!, event_id: 'no uuid' }, bench.payload(source, company, org, { observed_at: 9e15 })]
    await bench.feed([...Object.values(refused).slice(6), conflict, ...invalid, good[2]!], 0)

    await bench.observed(good)
    const reasons = await bench.settled(Object.values(refused))
    // Without a source there is no map either.
    expect(reasons).toEqual(Object.keys(refused).map((reason) => (reason === 'unknown-source' ? 'no-map' : reason)))
    expect((await bench.counts(source)).value).toBe(3 * 17)
    const dead = (await bench.deadLetters()).map(({ headers }) => headers['__dlq.reason'])
    expect(dead).toEqual([
      ...['null-value', 'too-short', 'wrong-magic-byte', 'undecodable', 'conflict', 'invalid', 'invalid'],
    ])

    const rows = await installation.database.query(
      `SELECT reason, seq, path, map_version, company_id FROM normalizer.refused JOIN normalizer.processed_event p USING (event_no, reason, map_version, company_id)
       WHERE event_id = $1`,
      [refused['unknown-company'].event_id],
    )
    expect(rows).toEqual([{ reason: 'unknown-company', seq: null, path: '', map_version: 1, company_id: String(gone) }])
    const told = (await bench.opsEvents(source)).filter(({ kind }) => kind === 'unknown-company')
    expect(told).toMatchObject([{ subject: String(gone), facts: { event_id: refused['unknown-company'].event_id } }])
    const [status] = await installation.database.query(
      'SELECT stage, reason FROM normalizer.event_status WHERE event_id = $1',
      [refused['too-deep'].event_id],
    )
    expect(status).toEqual({ stage: 'refused', reason: 'too-deep' })
  })

  test('refused values are kept with reason and sample; their siblings are stored', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const hostile = `'); DROP TABLE company; -- \u202e {"} \\ ${'é'.repeat(50)} \ud83d\ude80`
    const data = `{"name":"a\\u0000b","url":["x\\u0000",null,{"\\u0000":"\\ud800"}],"size":"many","size2":1,
      "repos":[{"name":${JSON.stringify(hostile)},"stars":9007199254740993,"topics":["\\ud800","a\\"\\\\,{}","NULL",""]},7]}`
    const payload = bench.payload(source, company, data)
    await bench.feed([payload])
    const record = await bench.observedOnce(payload)
    expect(record.value.refused).toBe(3)
    expect(record.value.values).toMatchObject([
      { path: 'url', text: '["x\\u0000",null,{"\\u0000":"\\ud800"}]', members: null },
      { path: 'repos[].name', text: hostile },
      { path: 'repos[].stars', number: 9007199254740992, text: '9007199254740993' },
      { path: 'repos[].topics', members: ['', '"\\ud800"', 'NULL', 'a"\\,{}'] },
    ])
    const rows = await installation.database.query(
      'SELECT path, reason, sample, map_version FROM normalizer.refused WHERE data_source_id = $1 ORDER BY seq',
      [source.id],
    )
    expect(rows).toEqual([
      { path: 'name', reason: 'unstorable-text', sample: '"a\\u0000b"', map_version: 1 },
      { path: 'size', reason: 'not-a-number', sample: '"many"', map_version: 1 },
      { path: 'repos[]', reason: 'not-an-object', sample: '7', map_version: 1 },
    ])
    const open = await runCommand(commands.refused, 'ls', '--source', source.name)
    expect(open).toMatchObject(
      ['not-a-number', 'not-an-object', 'unstorable-text'].map((reason) => ({
        ...{ source: source.name, reason, payloads: 1, values: 1 },
        remedy: expect.stringMatching(/\.$/) as string,
      })),
    )
    const shown = await runCommand(commands.refused, 'show', '--source', source.name, '--reason', 'not-a-number')
    expect(shown).toMatchObject([{ event_id: payload.event_id, path: 'size', sample: '"many"' }])
    const before = (await bench.observations()).length
    await bench.feed([payload])
    await waitFor('the second delivery', async () => (await bench.observations()).length > before)
    const both = (await bench.observations()).filter(({ value }) => value.event_id === payload.event_id)
    expect(both[1]?.bytes.equals(both[0]!.bytes)).toBe(true)
  })

  test('a measurement that is deleted, or is another source’s, costs its own values', async () => {
    const [other, company] = [await bench.addSource(github), await bench.addCompany()]
    const source = await bench.addSource(github, null)
    const [name, url] = source.mappings
    const stolen = { ...url!, source_measurement_id: other.mappings[1]!.source_measurement_id }
    await bench.publishMap({ ...source, mappings: [name!, stolen] }, 1)
    const payload = () => bench.payload(source, company, { name: 'n', url: 'u' })
    // The series of the other source is known to the cache by then.
    const payloads = [bench.payload(other, company, org), payload()]
    await bench.feed(payloads)
    await bench.observed(payloads)
    const refused = () =>
      installation.database.query(
        'SELECT path, reason, sample FROM normalizer.refused WHERE data_source_id = $1 ORDER BY event_no, seq',
        [source.id],
      )
    expect(await refused()).toEqual([{ path: 'url', reason: 'unknown-measurement', sample: 'u' }])

    await installation.database.query('DELETE FROM source_measurement WHERE id = $1', [name!.source_measurement_id])
    const [next, neighbour] = [payload(), bench.payload(other, company, org)]
    await bench.feed([next, neighbour])
    await bench.observed([next, neighbour])
    expect((await refused()).slice(1)).toEqual([
      { path: 'name', reason: 'unknown-measurement', sample: 'n' },
      { path: 'url', reason: 'unknown-measurement', sample: 'u' },
    ])
    expect((await bench.counts(other)).value).toBe(2 * 17)
  })

  /** Feeds these, which must then wait for another transaction that has run this; it commits. */
  async function feedMeanwhile(payloads: Fed[], sql: string, values: unknown[]): Promise<void> {
    const client = new pg.Client({ connectionString: installation.database.url })
    await client.connect()
    onCleanup(() => client.end())
    await client.query('BEGIN')
    await client.query(sql, values)
    await bench.feed(payloads, 1)
    await waitFor('the normalizer to wait for it', async () => {
      const waiting = await installation.database.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return waiting.length > 0
    })
    await client.query('COMMIT')
  }

  test.each([
    { gone: 'company', sql: 'DELETE FROM company WHERE id = $2 AND $1 > 0', reason: 'unknown-company', values: 17 },
    { gone: 'source', sql: 'DELETE FROM data_source WHERE id = $1 AND $2 > 0', reason: 'unknown-source', values: 17 },
    {
      gone: 'measurement',
      sql: `DELETE FROM source_measurement WHERE source_module_id = $1 AND $2 > 0 AND type = 'link' AND parent_measurement_id IS NULL`,
      reason: null,
      values: 17 + 16,
    },
    {
      gone: 'series',
      sql: 'DELETE FROM company_source_measurement WHERE company_id = $2 AND $1 > 0',
      reason: null,
      values: 17 + 17,
    },
  ])('$gone deleted while values are written: what is left is stored, the neighbours are', async (row) => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const [otherSource, neighbour] = [await bench.addSource(github), await bench.addCompany()]
    const known = bench.payload(source, company, org)
    await bench.feed([known])
    await bench.observed([known])
    const payloads = [bench.payload(source, company, org), bench.payload(otherSource, neighbour, org)]
    await feedMeanwhile(payloads, row.sql, [source.id, company])
    expect(await bench.settled(payloads)).toEqual([row.reason, null])
    expect([(await bench.counts(source)).value, (await bench.counts(otherSource)).value]).toEqual([row.values, 17])
    const refused = await installation.database.query(
      'SELECT reason FROM normalizer.refused WHERE data_source_id = $1',
      [source.id],
    )
    const reasons = row.reason ?? (row.gone === 'measurement' ? 'unknown-measurement' : [])
    expect(refused).toEqual([reasons].flat().map((reason) => ({ reason })))
    expect(await bench.deadLetters()).not.toContainEqual(
      expect.objectContaining({ headers: expect.objectContaining({ event_id: payloads[0]!.event_id }) }),
    )
  })

  test('an event id that comes for another company while it is written belongs to that one', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payloads = [bench.payload(source, company, org), bench.payload(source, company, org)]
    await feedMeanwhile(
      payloads,
      `INSERT INTO normalizer.processed_event
         (event_id, content_hash, document, data_source_id, source_name, company_id, received_at, history, observed_at)
       VALUES ($1, 'h', 'd', $2, 's', '0', now(), false, now())`,
      [payloads[0]!.event_id, source.id],
    )
    await bench.observed([payloads[1]!])
    const dead = await waitFor('the dead letter', async () =>
      (await bench.deadLetters()).find(({ headers }) => headers['event_id'] === payloads[0]!.event_id),
    )
    expect(dead.headers['__dlq.reason']).toBe('conflict')
    expect(await bench.counts(source)).toMatchObject({ processed_event: 2, value: 17 })
  })

  // Serialization failure, deadlock.
  test.each(['40001', '40P01'])('SQLSTATE %s repeats the whole batch', async (code) => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    // More often than slonik repeats a transaction by itself. A sequence does not go back with it.
    await installation.database.query(`
      CREATE SEQUENCE tries_${code};
      CREATE FUNCTION fail_${code}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries_${code}') <= 7 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '${code}'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER fail_${code} BEFORE INSERT ON normalizer.refused
        FOR EACH ROW WHEN (NEW.data_source_id = ${source.id}) EXECUTE FUNCTION fail_${code}()`)
    const payloads = [{ ...org, size: 'many' }, org].map((data) => bench.payload(source, company, data))
    await bench.feed(payloads, 0)
    await bench.observed(payloads)
    expect(await installation.database.query(`SELECT last_value::int AS tries FROM tries_${code}`)).toEqual([
      { tries: 8 },
    ])
    expect(await bench.counts(source)).toMatchObject({ processed_event: 2, value: 16 + 17, refused: 1, series: 11 })
  })

  test('a time that is refused moves no clock and makes no partition', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const early = bench.payload(source, company, org, { observed_at: Date.parse('2131-02-03') })
    const next = bench.payload(source, company, org)
    await bench.feed([early, next])
    expect(await bench.settled([early, next])).toEqual(['observed-at', null])
    expect((await bench.observedOnce(next)).value.observed_at).toBe(next.received_at)
    const [month] = await installation.database.query(`SELECT to_regclass('normalizer.value_2131_02') AS name`)
    expect(month).toEqual({ name: null })
    const [kept] = await installation.database.query<{ observed_at: Date }>(
      'SELECT observed_at FROM normalizer.lineage WHERE event_id = $1',
      [early.event_id],
    )
    expect(kept?.observed_at.getTime()).toBe(early.observed_at)
  })

  test('a month that was taken away comes back', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const observed_at = Date.parse('2012-02-10')
    const payloads = [1, 2].map((size) =>
      bench.payload(source, company, { size }, { observed_at: observed_at + size, history: true }),
    )
    await bench.feed([payloads[0]!])
    await bench.observed([payloads[0]!])
    const ahead = await installation.database.query(
      `SELECT to_regclass('normalizer.value_' || to_char($1::timestamptz AT TIME ZONE 'UTC' + make_interval(months => n), 'YYYY_MM')) IS NOT NULL AS there
       FROM generate_series(0, 3) AS n`,
      [new Date(payloads[0]!.received_at).toISOString()],
    )
    expect(ahead).toEqual(Array(4).fill({ there: true }))
    await installation.database.query('ALTER TABLE normalizer.value DETACH PARTITION normalizer.value_2012_02')
    await bench.feed([payloads[1]!])
    await bench.observed([payloads[1]!])
    expect((await bench.counts(source)).value).toBe(2)
  })
})

describe('drift', () => {
  const setPolicy = (...args: string[]) => runCommand(commands.drift, 'policy', ...args)

  test('is ignored, told, or pauses its source, as its policy says', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    await setPolicy(source.name, 'pause', '--kind', 'missing-path')
    await setPolicy(source.name, 'ignore', '--path', 'noise')
    await setPolicy(source.name, 'pause', '--path', 'extra')
    await setPolicy(source.name, 'none', '--path', 'extra')
    const isActive = async () =>
      (await installation.database.query('SELECT is_active FROM data_source WHERE id = $1', [source.id]))[0]
    const payload = (data: object) => bench.payload(source, company, data)
    // What history leaves out, and what a replay shows, says nothing about today.
    const old = bench.payload(source, company, { name: 'n' }, { observed_at: Date.now() - 1e9, history: true })
    const replay = { ...old, replay: { replay_id: 'r', reason: 'r', map_version: 1 } }
    const first = payload({ ...org, noise: 1, extra: 2 })
    await bench.feed([old, replay, first])
    await bench.observed([old, first])
    expect(await isActive()).toEqual({ is_active: true })

    const { size: _, ...less } = org
    const second = payload({ ...less, noise: 1 })
    await bench.feed([second, second])
    const told = await waitFor('what both deliveries tell', async () => {
      const events = await bench.opsEvents(source)
      return events.length === 3 && events
    })
    expect(told.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['unknown-path', 'extra'],
      ...[1, 2].map(() => ['missing-path', 'size']),
    ])
    expect(told[1]).toEqual(told[2])
    expect(told[1]?.message).toContain(`parma sources edit ${source.name} --active`)
    expect(told[0]?.message).not.toContain('not crawled any more')
    expect(await isActive()).toEqual({ is_active: false })
    // Its switch is the operator's: what was told does not pause it again.
    await installation.database.query('UPDATE data_source SET is_active = true WHERE id = $1', [source.id])
    const third = payload(less)
    await bench.feed([third])
    await bench.observed([third])
    expect(await isActive()).toEqual({ is_active: true })
    expect((await bench.counts(source)).value).toBe(1 + 17 + 16 + 16)

    const list = await runCommand(commands.drift, 'ls', '--source', source.name)
    expect(list).toMatchObject([
      { kind: 'unknown-path', path: 'extra', policy: 'tell' },
      { kind: 'unknown-path', path: 'noise', policy: 'ignore' },
      { kind: 'missing-path', path: 'size', policy: 'pause' },
    ])
    expect(await runCommand(commands.drift, 'policies')).toEqual([
      { source: source.name, kind: '', path: 'noise', policy: 'ignore' },
      { source: source.name, kind: 'missing-path', path: '', policy: 'pause' },
    ])
  })

  test('many more nulls than in the days before are told once', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const noon = Date.parse('2026-05-06T12:00:00Z')
    const payload = (day: number, nulls: number, history = false) => {
      const repos = Array.from({ length: 30 }, (_, index) => repo(`r${index}`, 1)).map((one, index) =>
        index < nulls ? { ...one, stars: null } : one,
      )
      const received_at = noon + day * 86_400_000
      const observed_at = history ? received_at - 86_400_000 : null
      return bench.payload(source, company, { ...org, repos }, { received_at, observed_at, history })
    }
    const told = async () => (await bench.opsEvents(source)).filter(({ kind }) => kind === 'null-rate')
    // Nothing before it; a few; history; and the day before is too long ago.
    for (const one of [payload(-70, 30), payload(0, 0), payload(1, 3), payload(1, 30, true)]) {
      await bench.feed([one])
      await bench.observed([one])
    }
    expect(await told()).toEqual([])
    for (const one of [payload(2, 25), payload(2, 25), payload(3, 30)]) {
      await bench.feed([one])
      await bench.observed([one])
    }
    expect(await told()).toMatchObject([
      { subject: 'repos[].stars', facts: { path: 'repos[].stars', nulls: '25', leaves: '30' } },
    ])
    const days = await installation.database.query(
      `SELECT day::text, leaves::int, nulls::int FROM normalizer.path_day
       WHERE data_source_id = $1 AND path = 'repos[].stars' ORDER BY day`,
      [source.id],
    )
    expect(days).toEqual([
      { day: '2026-05-06', leaves: 30, nulls: 0 },
      { day: '2026-05-07', leaves: 30, nulls: 3 },
      { day: '2026-05-08', leaves: 60, nulls: 50 },
      { day: '2026-05-09', leaves: 30, nulls: 30 },
    ])
    const nulls = await runCommand(commands.drift, 'nulls', '--source', source.name, '--days', '100000')
    expect(nulls).toContainEqual({ source: source.name, path: 'repos[].stars', leaves: 150, nulls: 83, percent: 55 })
  })
})

describe('a replay', () => {
  test('adds what is missing, once, and tells only that, silently', async () => {
    const source = await bench.addSource(github, null)
    const company = await bench.addCompany()
    const typed = (type: string) =>
      source.mappings.map((entry) => (entry.SourceField === 'size' ? { ...entry, DataType: type } : entry))
    await bench.publishMap({ ...source, mappings: typed('date').slice(1) }, 1)
    await bench.publishMap({ ...source, mappings: typed('text') }, 2)
    const payload = bench.payload(source, company, { ...org, size: 5 }, { task_id: 7 })
    await bench.feed([payload])
    await bench.observed([payload])
    expect(await bench.counts(source)).toMatchObject({ value: 15, refused: 1 })

    const replay = { replay_id: randomUUID(), reason: 'new map', map_version: 2 }
    const again = { ...replay, replay_id: randomUUID() }
    await bench.feed([
      { ...payload, replay },
      { ...payload, replay },
    ])
    const told = await waitFor('both deliveries of the replay', async () => {
      const records = (await bench.observations()).filter(({ value }) => value.replay_id === replay.replay_id)
      return records.length === 2 && records
    })
    expect(told[1]?.bytes.equals(told[0]!.bytes)).toBe(true)
    expect(told[0]?.value).toMatchObject({
      event_id: payload.event_id,
      map_version: 2,
      observed_at: payload.received_at,
      refused: 0,
    })
    expect(told[0]?.value.values).toMatchObject([
      { path: 'name', text: 'Org', seq: 0 },
      { path: 'size', text: '5', seq: 16 },
    ])
    const counts = await bench.counts(source)
    expect(counts).toMatchObject({ value: 17, processed_event: 2 })
    expect(counts).not.toHaveProperty('refused')
    const lineage = await installation.database.query(
      `SELECT map_version, replay_id, event_id, document, task_id, source_name, count(*)::int AS values, min(path) AS path
       FROM normalizer.value_lineage WHERE data_source_id = $1 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1`,
      [source.id],
    )
    const from = {
      ...{ event_id: payload.event_id, task_id: 7, source_name: source.name },
      document: `parma/mining/datasource/${source.name}/raw_data/${payload.event_id}`,
    }
    expect(lineage).toEqual([
      { ...from, map_version: 1, replay_id: '', values: 15, path: 'repos[].archived' },
      { ...from, map_version: 2, replay_id: replay.replay_id, values: 2, path: 'name' },
    ])

    const other = bench.payload(source, company, { ...org, size: 5 })
    await bench.feed([
      { ...payload, replay: again },
      payload,
      { ...payload, replay: { ...again, replay_id: 'other content' }, content_hash: 'x' },
      other,
    ])
    await bench.observed([other])
    expect((await bench.observations()).filter(({ value }) => value.replay_id === again.replay_id)).toEqual([])
    expect(await bench.counts(source)).toMatchObject({ value: 17 + 15, refused: 2 })
    const live = (await bench.observations()).filter(
      ({ value }) => value.event_id === payload.event_id && value.replay_id === null,
    )
    expect(live).toHaveLength(2)
    expect(live[1]?.bytes.equals(live[0]!.bytes)).toBe(true)
  })

  test('of a payload refused as a whole stores all of it', async () => {
    const [source, company] = [await bench.addSource(github, null), await bench.addCompany()]
    const payload = bench.payload(source, company, org, { map_version: null })
    await bench.feed([payload])
    expect(await bench.settled([payload])).toEqual(['no-map'])
    await bench.publishMap(source, 1)
    const replay = { replay_id: randomUUID(), reason: 'there is a map', map_version: 1 }
    await bench.feed([{ ...payload, replay }])
    const record = await bench.observedOnce(payload)
    expect(record.value).toMatchObject({ replay_id: replay.replay_id, observed_at: payload.received_at })
    expect(record.value.values).toHaveLength(17)
    expect(await bench.counts(source)).not.toHaveProperty('refused')
  })

  test('that is refused as a whole leaves open what it did not judge', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payload = bench.payload(source, company, { name: 'n', size: 'many' })
    await bench.feed([payload])
    await bench.observed([payload])
    const open = () =>
      installation.database.query<{ reason: string }>(
        'SELECT reason FROM normalizer.refused WHERE data_source_id = $1 AND superseded_by IS NULL ORDER BY refused_at',
        [source.id],
      )
    const replay = (replay_id: string) => ({ ...payload, replay: { replay_id, reason: 'r', map_version: 7 } })
    for (const id of ['a', 'b']) {
      await bench.feed([replay(id)])
      expect(await bench.settled([replay(id)])).toEqual(['map-missing'])
    }
    // The second says again what the first said of the payload, and neither anything of its values.
    expect((await open()).map(({ reason }) => reason)).toEqual(['not-a-number', 'map-missing'])
  })

  test('beside others in one batch closes what those before it left open', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payload = bench.payload(source, company, { name: 'n', size: 'many' })
    const replay = (replay_id: string, map_version: number) => ({
      ...payload,
      replay: { replay_id, reason: 'r', map_version },
    })
    // In this order, all at once: the payload, one that misses its map, two that judge it, one that misses its map.
    const batch = [payload, replay('d', 7), replay('c', 1), replay('b', 1), replay('a', 8)]
    await bench.feed(batch, 2)
    expect(await bench.settled(batch)).toEqual([null, 'map-missing', null, null, 'map-missing'])
    const rows = await installation.database.query(
      `SELECT r.reason, r.map_version, p.replay_id AS closed_by
       FROM normalizer.refused r LEFT JOIN normalizer.processed_event p ON p.event_no = superseded_by
       WHERE r.data_source_id = $1 ORDER BY r.reason DESC, p.replay_id DESC NULLS LAST`,
      [source.id],
    )
    expect(rows).toEqual([
      { reason: 'not-a-number', map_version: 1, closed_by: 'c' },
      { reason: 'not-a-number', map_version: 1, closed_by: 'b' },
      { reason: 'not-a-number', map_version: 1, closed_by: null },
      { reason: 'map-missing', map_version: null, closed_by: 'c' },
      { reason: 'map-missing', map_version: null, closed_by: null },
    ])
    expect(await bench.counts(source)).toMatchObject({ value: 1, refused: 2 })
  })

  test('that takes apart what was one value stores all of its leaves, the first too', async () => {
    const [source, company] = [await bench.addSource(github, null), await bench.addCompany()]
    const inner = await bench.addMeasurements(source.id, [
      { SourceField: 'a', DataType: 'int' },
      { SourceField: 'b', DataType: 'int' },
    ])
    const [outer] = await bench.addMeasurements(source.id, [{ SourceField: 'box', DataType: 'text' }])
    await bench.publishMap({ ...source, mappings: [outer!] }, 1)
    await bench.publishMap({ ...source, mappings: [{ ...outer!, DataType: 'nested', NestedMappings: inner }] }, 2)
    const payload = bench.payload(source, company, { box: { a: 1, b: 2 } })
    await bench.feed([payload])
    await bench.observed([payload])
    const replay = { replay_id: randomUUID(), reason: 'new map', map_version: 2 }
    await bench.feed([{ ...payload, replay }])
    await bench.settled([{ ...payload, replay }])
    const stored = await installation.database.query(
      'SELECT path, number, text FROM normalizer.value WHERE data_source_id = $1 ORDER BY seq, path',
      [source.id],
    )
    expect(stored).toEqual([
      { path: 'box', number: null, text: '{"a":1,"b":2}' },
      { path: 'box.a', number: 1, text: null },
      { path: 'box.b', number: 2, text: null },
    ])
  })
})
