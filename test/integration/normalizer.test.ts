import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { commands } from '../../services/normalizer/commands.ts'
import { github, org, repo } from '../harness/normalizer/github.ts'
import { installNormalizer, type InstalledNormalizer } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let bench: InstalledNormalizer
beforeAll(async () => {
  bench = await installNormalizer()
})

describe('a payload', () => {
  test('is stored value by value, for us and for parma-web, and observed', async () => {
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
    const names = await bench.installation.database.query(
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
    const [status] = await bench.installation.database.query(
      'SELECT stage, reason FROM normalizer.event_status WHERE event_id = $1',
      [payload.event_id],
    )
    expect(status).toEqual({ stage: 'normalized', reason: null })
  })

  test('delivered again, even after its map has changed, changes nothing and is observed the same', async () => {
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
    const told = (await bench.opsEvents(source)).filter(({ subject }) => subject === 'extra')
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ kind: 'unknown-path', subject: 'extra', service: 'normalizer', resolved: false })
  })

  test('in the same millisecond as another is 1 ms later; an explicit time is kept, even a late one', async () => {
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
    const stored = await bench.installation.database.query(
      'SELECT observed_at, number FROM normalizer.value WHERE data_source_id = $1 ORDER BY number',
      [source.id],
    )
    expect(stored.map(({ observed_at }) => (observed_at as Date).getTime())).toEqual(
      observed.map(([record]) => record?.value.observed_at),
    )
  })

  test('received long before the last one of its company and source is late, also when it is delivered again', async () => {
    const [source, company, other] = [await bench.addSource(github), await bench.addCompany(), await bench.addCompany()]
    const now = Date.now()
    const at = (size: number, minutes: number, of = company) =>
      bench.payload(source, of, { size }, { received_at: now + minutes * 60_000 })
    const [newest, late, later, within, next, alone] = [
      ...[at(1, 0), at(2, -10), at(3, -9), at(4, -0.5), at(5, 1), at(6, -10, other)],
    ] as const
    await bench.feed([newest!])
    await bench.observed([newest!])
    const rest = [late!, later!, within!, next!, alone!]
    await bench.feed(rest)
    const timesOf = (observed: Awaited<ReturnType<typeof bench.observed>>) =>
      observed.map(([record]) => record!.value.observed_at)
    const times = [late!.received_at, later!.received_at, now + 1, next!.received_at, alone!.received_at]
    expect(timesOf(await bench.observed(rest))).toEqual(times)

    const missing = at(7, -8)
    const replay = { replay_id: 'missing', reason: 'missing', map_version: null }
    await bench.feed([late!, { ...missing, replay }])
    const again = await waitFor('the second delivery', async () => {
      const records = (await bench.observations()).filter(({ value }) => value.event_id === late!.event_id)
      return records.length === 2 && records
    })
    expect(again[1]!.bytes.equals(again[0]!.bytes)).toBe(true)
    expect(timesOf(await bench.observed([{ ...missing, replay }]))).toEqual([missing.received_at])
  })

  test('is in the charts of parma-web with all its numbers, also after one beyond 32 bits', async () => {
    const source = await bench.addSource([
      { SourceField: 'funding', DataType: 'int' },
      { SourceField: 'staff', DataType: 'int' },
    ])
    const [company, other] = [await bench.addCompany(), await bench.addCompany()]
    const feed = async (of: number, funding: unknown) => {
      const payload = bench.payload(source, of, { funding, staff: 5 })
      await bench.feed([payload])
      await bench.observedOnce(payload)
    }
    // parma-web reads the table that the type of the first series' measurement names, and no other.
    const chart = async (field: string, of: number) => {
      const [series] = await bench.installation.database.query<{ type: string; id: number }>(
        `SELECT m.type, company_measurement_id AS id FROM company_source_measurement
         JOIN source_measurement m ON m.id = source_measurement_id
         WHERE m.source_module_id = $1 AND measurement_name = $2 AND company_id = $3`,
        [source.id, field, of],
      )
      const rows = await bench.installation.database.query<{ value: number }>(
        `SELECT value FROM measurement_${series!.type}_value WHERE company_measurement_id = $1 ORDER BY timestamp`,
        [series!.id],
      )
      return [series!.type, ...rows.map(({ value }) => value)]
    }
    await feed(company, 5)
    await feed(other, 6)
    expect(await chart('funding', company)).toEqual(['int', 5])
    await feed(company, 3_000_000_000)
    await feed(company, 7)
    await feed(other, 8)
    expect(await chart('funding', company)).toEqual(['float', 5, 3_000_000_000, 7])
    expect(await chart('funding', other)).toEqual(['float', 6, 8])
    expect(await chart('staff', other)).toEqual(['int', 5, 5])
    expect(await bench.counts(source)).toMatchObject({ value: 10, int: 5, float: 5 })
    const named = await bench.installation.database.query<{ number: number; value: number }>(
      `SELECT v.number, p.value FROM normalizer.value v
       JOIN measurement_float_value p ON p.id = v.public_id AND p.company_measurement_id = v.company_measurement_id
       WHERE data_source_id = $1`,
      [source.id],
    )
    expect(named).toHaveLength(5)
    for (const { number, value } of named) expect(value).toBe(number)
  })

  test('has comments, those in English with how they sound', async () => {
    const source = await bench.addSource([
      { SourceField: 'reviews', DataType: 'comment' },
      { SourceField: 'stars', DataType: 'int' },
    ])
    const company = await bench.addCompany()
    const texts = ['Love it, works great!', 'Terrible. Crashes all the time.', 'Sehr gut, ich bin begeistert']
    const payloads = texts.map((reviews, stars) => bench.payload(source, company, { reviews, stars }))
    await bench.feed(payloads)
    await bench.observed(payloads)
    const rows = await bench.installation.database.query<{ value: string; sentiment_score: number | null }>(
      `SELECT value, sentiment_score FROM measurement_comment_value
       JOIN company_source_measurement USING (company_measurement_id) WHERE company_id = $1 ORDER BY timestamp`,
      [company],
    )
    expect(rows).toEqual([10, 1, null].map((sentiment_score, index) => ({ value: texts[index], sentiment_score })))
  })

  test('becomes in Postgres what the table of COERCIONS.md says, row by row', async () => {
    const page = readFileSync(join(root, 'services/runtime/read/COERCIONS.md'), 'utf8')
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
    const stored = await bench.installation.database.query<Row>(
      `SELECT v.path, p.name, p.value, CASE WHEN v.number IS NOT NULL THEN v.text END AS digits, v.members
       FROM normalizer.value v JOIN (${tables.join(' UNION ALL ')}) p USING (company_measurement_id) WHERE v.data_source_id = $1`,
      [source.id],
    )
    const refused = await bench.installation.database.query<{ path: string; reason: string }>(
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

  test('alternating between two subjects of one company keeps series and items apart', async () => {
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

describe('drift', () => {
  const setPolicy = (...args: string[]) => runCommand(commands.drift, 'policy', ...args)

  test('is ignored, reported, or pauses its source, by its policy', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    await setPolicy(source.name, 'pause', '--kind', 'missing-path')
    await setPolicy(source.name, 'ignore', '--path', 'noise')
    await setPolicy(source.name, 'pause', '--path', 'extra')
    await setPolicy(source.name, 'none', '--path', 'extra')
    const isActive = async () =>
      (await bench.installation.database.query('SELECT is_active FROM data_source WHERE id = $1', [source.id]))[0]
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
    await waitFor('both deliveries', async () => {
      const records = await bench.observations()
      return records.filter(({ value }) => value.event_id === second.event_id).length === 2
    })
    const told = await bench.opsEvents(source)
    expect(told.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['unknown-path', 'extra'],
      ['missing-path', 'size'],
    ])
    expect(told[1]?.message).toContain(`parma sources edit ${source.name} --active`)
    expect(told[0]?.message).not.toContain('not crawled any more')
    expect(await isActive()).toEqual({ is_active: false })
    // Its switch is the operator's: what was told does not pause it again.
    await bench.installation.database.query('UPDATE data_source SET is_active = true WHERE id = $1', [source.id])
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

  test('ends when the company that showed it sends the path again, and may begin again', async () => {
    const [source, company, other] = [await bench.addSource(github), await bench.addCompany(), await bench.addCompany()]
    const { size: _, ...less } = org
    const told = async () =>
      (await bench.opsEvents(source)).map(({ kind, subject, resolved }) => [kind, subject, resolved])
    const feed = async (...payloads: ReturnType<typeof bench.payload>[]) => {
      await bench.feed(payloads, 0)
      await bench.observed(payloads)
    }
    const at = (data: object, of = company, more = {}) => bench.payload(source, of, data, more)
    const late = at(org, company, { received_at: Date.now() - 1e6 })
    const handle = { ...org, url: 'https://other' }
    await feed(at(less), at(less, other), at(org, other), late, at(handle), at({ ...less, url: 'https://other' }))
    expect(await told()).toEqual([['missing-path', 'size', false]])
    const back = at(org)
    await feed(back)
    await feed(back, at(less), at(org), at(less, other), at(less))
    const [begun, ended] = [false, true].map((resolved) => ['missing-path', 'size', resolved])
    expect(await told()).toEqual([begun, ended, begun, ended, begun])
    const [first, second] = await bench.opsEvents(source)
    expect(second).toMatchObject({ dedupe_key: first!.dedupe_key, message: `${source.name} sends size again.` })
    expect(await runCommand(commands.drift, 'ls', '--source', source.name)).toMatchObject([{ path: 'size', ended: '' }])
    await feed(at(org, other))
    expect(await runCommand(commands.drift, 'ls', '--source', source.name)).toEqual([])
    const all = await runCommand(commands.drift, 'ls', '--source', source.name, '--ended')
    expect(all).toMatchObject([{ path: 'size', ended: new Date().toISOString().slice(0, 10) }])
  })

  test('has a maximum of a day that is told once, which unknown companies do not use up', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const unknown = Array.from({ length: 30 }, (_, at) => bench.payload(source, 900_000_000 + at, org))
    await bench.feed(unknown)
    await bench.settled(unknown)
    const extra = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`extra${at}`, at]))
    const more = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`more${at}`, at]))
    for (const data of [extra, more, { ...more, another: 1 }]) {
      const payload = bench.payload(source, company, { ...org, ...data })
      await bench.feed([payload])
      await bench.observed([payload])
    }
    const told = Map.groupBy(await bench.opsEvents(source), ({ kind }) => kind)
    expect([...told].map(([kind, events]) => [kind, events.length]).sort()).toEqual([
      ['incidents-full', 2],
      ['unknown-company', 20],
      ['unknown-path', 20],
    ])
    const day = new Date().toISOString().slice(0, 10)
    expect(told.get('incidents-full')!.map(({ dedupe_key, message }) => [dedupe_key, message])).toEqual(
      ['refused', 'drift'].map((of) => [
        `normalizer/incidents-full/${source.id}/${of}/${day}`,
        expect.stringContaining(`parma ${of} ls --source ${source.name}`),
      ]),
    )
  })

  test('many more nulls than in the days before are reported once', async () => {
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
    const days = await bench.installation.database.query(
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
    // Two days in one batch.
    const [second, third] = [await bench.addSource(github), await bench.addCompany()]
    const of = (day: number, nulls: number) => {
      const { received_at, body } = payload(day, nulls)
      const raw_data = (JSON.parse(body.toString()) as { raw_data: object }).raw_data
      return bench.payload(second, third, raw_data, { received_at })
    }
    await bench.feed([of(0, 0)])
    const batch = [of(1, 25), of(2, 30)]
    await bench.feed(batch)
    await bench.observed(batch)
    expect((await bench.opsEvents(second)).map(({ kind }) => kind)).toEqual(['null-rate'])
    const better = payload(4, 10)
    await bench.feed([better])
    await bench.observed([better])
    const [begun, ended] = await told()
    expect(ended).toMatchObject({
      ...{ resolved: true, dedupe_key: begun!.dedupe_key },
      message: `${source.name} sends null at repos[].stars in 10 of 30 cases on 2026-05-10.`,
    })
    const nulls = await runCommand(commands.drift, 'nulls', '--source', source.name, '--days', '100000')
    expect(nulls).toContainEqual({ source: source.name, path: 'repos[].stars', leaves: 180, nulls: 93, percent: 52 })
  })
})

test('parma values ls shows what is stored, the newest payload first', async () => {
  const [source, company] = [await bench.addSource(github), await bench.addCompany()]
  const [first, second] = [1, 2].map((stars) =>
    bench.payload(source, company, { ...org, repos: org.repos.map((one) => ({ ...one, stars })) }),
  )
  await bench.feed([first!, second!])
  await bench.observed([first!, second!])
  type Value = { observed_at: string; measurement: string; item: string | null; value: unknown }
  const ls = (...args: string[]) => runCommand<Value[]>(commands.values, 'ls', '--source', source.name, ...args)
  const stars = await ls('--company', String(company), '--measurement', 'stars', '--limit', '3')
  expect(stars.map(({ value }) => value)).toEqual([2, 2, 1])
  expect(stars[0]).toMatchObject({ source: source.name, path: 'repos[].stars', item: 'x' })
  expect(stars[0]?.observed_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const all = await ls()
  expect(all).toHaveLength(34)
  const value = (name: string) => all.find(({ measurement }) => measurement === name)?.value
  expect(['company name', 'topics', 'pushed_at'].map(value)).toEqual(['Org', ['a', 'b'], '2024-02-02T05:58:40Z'])
  expect(await ls('--company', String(await bench.addCompany()))).toEqual([])
})
