import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../services/normalizer/commands.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { github, org } from '../harness/normalizer/github.ts'
import { type Fed, installNormalizer, type InstalledNormalizer, type Source } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let bench: InstalledNormalizer
beforeAll(async () => {
  bench = await installNormalizer()
})

/** Feeds these, which must then wait for another transaction that has run this; it commits. */
async function feedMeanwhile(payloads: Fed[], sql: string, values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: bench.installation.database.url })
  await client.connect()
  onCleanup(() => client.end())
  await client.query('BEGIN')
  await client.query(sql, values)
  await bench.feed(payloads, 1)
  await waitFor('the normalizer to wait for it', async () => {
    const waiting = await bench.installation.database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return waiting.length > 0
  })
  await client.query('COMMIT')
}

describe('what cannot be stored', () => {
  test('is a refused value, a refused payload or a dead letter, and delays nothing else', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const [mapless, gone] = [await bench.addSource(github, null), await bench.addCompany()]
    await bench.installation.database.query('DELETE FROM company WHERE id = $1', [gone])
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
    const [record] = await bench.installation.topics.read('mining.raw-payloads.v1')
    const frame = record!.value!.subarray(0, 5)
    await bench.installation.topics.produce('mining.raw-payloads.v1', [
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

    const rows = await bench.installation.database.query(
      `SELECT reason, seq, path, map_version, company_id FROM normalizer.refused JOIN normalizer.processed_event p USING (event_no, reason, map_version, company_id)
       WHERE event_id = $1`,
      [refused['unknown-company'].event_id],
    )
    expect(rows).toEqual([{ reason: 'unknown-company', seq: null, path: '', map_version: 1, company_id: String(gone) }])
    const told = (await bench.opsEvents(source)).filter(({ kind }) => kind === 'unknown-company')
    expect(told).toMatchObject([{ subject: String(gone), facts: { event_id: refused['unknown-company'].event_id } }])
    const [status] = await bench.installation.database.query(
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
    const rows = await bench.installation.database.query(
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

  test('a measurement that is deleted, or of another source, costs only its own values', async () => {
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
      bench.installation.database.query(
        'SELECT path, reason, sample FROM normalizer.refused WHERE data_source_id = $1 ORDER BY event_no, seq',
        [source.id],
      )
    expect(await refused()).toEqual([{ path: 'url', reason: 'unknown-measurement', sample: 'u' }])

    await bench.installation.database.query('DELETE FROM source_measurement WHERE id = $1', [
      name!.source_measurement_id,
    ])
    const [next, neighbour] = [payload(), bench.payload(other, company, org)]
    await bench.feed([next, neighbour])
    await bench.observed([next, neighbour])
    expect((await refused()).slice(1)).toEqual([
      { path: 'name', reason: 'unknown-measurement', sample: 'n' },
      { path: 'url', reason: 'unknown-measurement', sample: 'u' },
    ])
    expect((await bench.counts(other)).value).toBe(2 * 17)
  })

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
    const refused = await bench.installation.database.query(
      'SELECT reason FROM normalizer.refused WHERE data_source_id = $1',
      [source.id],
    )
    const reasons = row.reason ?? (row.gone === 'measurement' ? 'unknown-measurement' : [])
    expect(refused).toEqual([reasons].flat().map((reason) => ({ reason })))
    expect(await bench.deadLetters()).not.toContainEqual(
      expect.objectContaining({ headers: expect.objectContaining({ event_id: payloads[0]!.event_id }) }),
    )
  })

  test('an event id that is written meanwhile for another company belongs to that company', async () => {
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
    await bench.installation.database.query(`
      CREATE SEQUENCE tries_${code};
      CREATE FUNCTION fail_${code}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF nextval('tries_${code}') <= 7 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '${code}'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER fail_${code} BEFORE INSERT ON normalizer.refused
        FOR EACH ROW WHEN (NEW.data_source_id = ${source.id}) EXECUTE FUNCTION fail_${code}()`)
    const payloads = [{ ...org, size: 'many' }, org].map((data) => bench.payload(source, company, data))
    await bench.feed(payloads, 0)
    await bench.observed(payloads)
    expect(await bench.installation.database.query(`SELECT last_value::int AS tries FROM tries_${code}`)).toEqual([
      { tries: 8 },
    ])
    expect(await bench.counts(source)).toMatchObject({ processed_event: 2, value: 16 + 17, refused: 1, series: 11 })
  })

  test('a refused time moves no clock and makes no partition', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const early = bench.payload(source, company, org, { observed_at: Date.parse('2131-02-03') })
    const next = bench.payload(source, company, org)
    await bench.feed([early, next])
    expect(await bench.settled([early, next])).toEqual(['observed-at', null])
    expect((await bench.observedOnce(next)).value.observed_at).toBe(next.received_at)
    const [month] = await bench.installation.database.query(`SELECT to_regclass('normalizer.value_2131_02') AS name`)
    expect(month).toEqual({ name: null })
    const [kept] = await bench.installation.database.query<{ observed_at: Date }>(
      'SELECT observed_at FROM normalizer.lineage WHERE event_id = $1',
      [early.event_id],
    )
    expect(kept?.observed_at.getTime()).toBe(early.observed_at)
  })

  test('a detached month is created again', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const observed_at = Date.parse('2012-02-10')
    const payloads = [1, 2].map((size) =>
      bench.payload(source, company, { size }, { observed_at: observed_at + size, history: true }),
    )
    await bench.feed([payloads[0]!])
    await bench.observed([payloads[0]!])
    const ahead = await bench.installation.database.query(
      `SELECT to_regclass('normalizer.value_' || to_char($1::timestamptz AT TIME ZONE 'UTC' + make_interval(months => n), 'YYYY_MM')) IS NOT NULL AS there
       FROM generate_series(0, 3) AS n`,
      [new Date(payloads[0]!.received_at).toISOString()],
    )
    expect(ahead).toEqual(Array(4).fill({ there: true }))
    await bench.installation.database.query('ALTER TABLE normalizer.value DETACH PARTITION normalizer.value_2012_02')
    await bench.feed([payloads[1]!])
    await bench.observed([payloads[1]!])
    expect((await bench.counts(source)).value).toBe(2)
  })
})

describe('incidents that another replica begins meanwhile', () => {
  const begin = `INSERT INTO normalizer.drift (data_source_id, kind, subject, event_no, seen_at, message, facts)
    SELECT $1::int, $2::text, subject, 0, now(), 'm', jsonb_build_object('company_id', 'other')
    FROM unnest($3::text[]) AS n (subject)`
  const told = async (source: Source) =>
    (await bench.opsEvents(source)).map(({ kind, subject, resolved }) => [kind, subject, resolved])

  test('count once for the maximum of the day', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const extra = Array.from({ length: 15 }, (_, at) => `extra${at}`)
    const more = ['more0', 'more1', 'more2', 'more3', 'more4']
    const data = Object.fromEntries([...extra, ...more].map((path) => [path, 1]))
    const payload = bench.payload(source, company, { ...org, ...data })
    const count = `INSERT INTO normalizer.incident_day (data_source_id, class, day, asked)
      SELECT $1::int, 'drift', (now() AT TIME ZONE 'UTC')::date, cardinality($3::text[])`
    await feedMeanwhile([payload], `WITH counted AS (${count}) ${begin}`, [source.id, 'unknown-path', extra])
    await bench.observed([payload])
    expect(await told(source)).toEqual(more.map((path) => ['unknown-path', path, false]))
    expect(
      await bench.installation.database.query('SELECT asked FROM normalizer.incident_day WHERE data_source_id = $1', [
        source.id,
      ]),
    ).toEqual([{ asked: 20 }])
  })

  test('do not end with payloads of another company', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const { size: _, ...less } = org
    const payloads = [bench.payload(source, company, less), bench.payload(source, company, org)]
    await feedMeanwhile(payloads, begin, [source.id, 'missing-path', ['size']])
    await bench.observed(payloads)
    expect(await told(source)).toEqual([])
    expect(
      await bench.installation.database.query(
        'SELECT ended_at FROM normalizer.drift WHERE data_source_id = $1 AND ended_at IS NULL',
        [source.id],
      ),
    ).toEqual([{ ended_at: null }])
  })
})
