import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { installNormalizer, type InstalledNormalizer, type Mapping, type Source } from '../harness/normalizer/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let bench: InstalledNormalizer
beforeAll(async () => {
  bench = await installNormalizer()
  await bench.installation.start('analyzer', { RULES_MAX_AGE_MS: '200' })
})

const products: Mapping[] = [
  { SourceField: 'url', DataType: 'link' },
  {
    SourceField: 'products',
    DataType: 'nested',
    NestedMappings: [
      { SourceField: 'name', DataType: 'text' },
      { SourceField: 'stars', DataType: 'int' },
    ],
  },
]
const url = 'https://x'
const a = { permalink: '/a', name: 'A', stars: 100 }
const b = { name: 'B', stars: 1 }

/** Feeds payloads one after the other, and returns the item keys of each, in the order of its items. */
async function feed(source: Source, company: number, ...payloads: object[]): Promise<string[][]> {
  const fed = payloads.map((data) => bench.payload(source, company, data))
  await bench.feed(fed)
  return (await bench.observed(fed)).map(([record]) => [
    ...new Set(record!.value.values.flatMap(({ item_key }) => item_key ?? [])),
  ])
}

const query = <T extends object>(text: string, values: unknown[]) => bench.installation.database.query<T>(text, values)

async function newsOf(company: number, payload: { event_id: string }) {
  await waitFor('the payload to be judged', async () => {
    const [row] = await query('SELECT FROM analyzer.processed_event WHERE event_id = $1', [payload.event_id])
    return row
  })
  return query<{ kind: string; item_key: string | null; title: string }>(
    'SELECT kind, item_key, title FROM analyzer.news WHERE company_id = $1 ORDER BY observed_at, group_index',
    [company],
  )
}

test('an item without the key of its list is gained, and changes of the others are told', async () => {
  const [source, company] = [await bench.addSource(products), await bench.addCompany()]
  const payloads = [[a], [{ ...a, stars: 300 }, b], [b, { ...a, stars: 300 }]].map((items) =>
    bench.payload(source, company, { url, products: items }),
  )
  await bench.feed(payloads)
  const news = await newsOf(company, payloads.at(-1)!)
  expect(news).toEqual([
    { kind: 'appeared', item_key: 'name\\=B', title: expect.stringContaining('B') },
    { kind: expect.any(String), item_key: '/a', title: expect.stringContaining('200') },
  ])
})

test('what was learnt is kept with its revision; redelivery and replay use that of their payload', async () => {
  const [source, company] = [await bench.addSource(products), await bench.addCompany()]
  const [one, two, three] = [
    { id: 1, name: 'A' },
    { id: 2, name: 'B' },
    { id: 2, name: 'C' },
  ] as const
  const first = bench.payload(source, company, { url, products: [one, two] })
  const second = bench.payload(source, company, { url, products: [one, two, three] })
  await bench.feed([first, second])
  const [[before] = [], [after] = []] = await bench.observed([first, second])
  const keys = (record: typeof before) => record!.value.values.flatMap(({ item_key }) => item_key ?? [])
  expect(keys(before)).toEqual(['1', '2'])
  expect(keys(after)).toEqual(['1', '2\\+name\\=B', '2\\+name\\=C'])
  const rows = await query(
    `SELECT path, map_version, revision, company_id, members, items FROM normalizer.list_key
     WHERE data_source_id = $1 ORDER BY revision`,
    [source.id],
  )
  const list = { path: 'products[]', map_version: 1 }
  expect(rows).toEqual([
    { ...list, revision: 1, company_id: '', members: ['id'], items: null },
    { ...list, revision: 2, company_id: String(company), members: ['name'], items: ['2'] },
  ])
  const revisions = () =>
    query(
      'SELECT list_revision, replay_id FROM normalizer.processed_event WHERE data_source_id = $1 ORDER BY event_no',
      [source.id],
    )
  expect(await revisions()).toMatchObject([{ list_revision: 1 }, { list_revision: 2 }])

  // As if the value had not been stored: a replay brings it, with the item it had then.
  await query(`DELETE FROM normalizer.value WHERE data_source_id = $1 AND text = 'B'`, [source.id])
  const replay = { replay_id: randomUUID(), reason: 'r', map_version: 1 }
  await bench.feed([{ ...first, replay }, first])
  await bench.settled([{ ...first, replay }])
  const replayed = await waitFor('the replay and the redelivery', async () => {
    const records = (await bench.observations()).filter(({ value }) => value.event_id === first.event_id)
    return records.length === 3 && records
  })
  expect(replayed[1]!.value.values).toMatchObject([{ text: 'B', item_key: '2' }])
  expect((await revisions()).at(-1)).toEqual({ list_revision: 1, replay_id: replay.replay_id })
})

test('a new version of the map takes over what was learnt, if the items still have it', async () => {
  const [source, company] = [await bench.addSource(products), await bench.addCompany()]
  expect(await feed(source, company, { url, products: [{ name: 'A', stars: 1 }] })).toEqual([['A']])
  await bench.publishMap(source, 2)
  const payload = bench.payload(source, company, { url, products: [a] }, { map_version: 2 })
  await bench.feed([payload])
  expect((await bench.observedOnce(payload)).value.values.at(-1)).toMatchObject({ item_key: 'A' })
  await bench.publishMap(source, 3)
  const other = bench.payload(source, company, { url, products: [{ slug: 's', stars: 1 }] }, { map_version: 3 })
  await bench.feed([other])
  expect((await bench.observedOnce(other)).value.values.at(-1)).toMatchObject({ item_key: 's' })
})

test('two members that see a list first at once learn one key', async () => {
  const second = await bench.installation.start('normalizer', { MAP_WAIT_MS: '4000' })
  const source = await bench.addSource(products)
  const companies = await Promise.all(Array.from({ length: 40 }, () => bench.addCompany()))
  const shapes = [[a, { ...a, permalink: '/b', name: 'B' }], [b, { name: 'A', stars: 5 }], [{ ...a, id: 7 }]]
  const payloads = [1, 2].flatMap(() =>
    companies.map((company, index) => bench.payload(source, company, { url, products: shapes[index % 3] })),
  )
  await bench.feed(payloads)
  await bench.observed(payloads)
  const keys = await query<{ members: string[] }>(
    `SELECT members FROM normalizer.list_key WHERE data_source_id = $1 AND company_id = ''`,
    [source.id],
  )
  expect(keys).toHaveLength(1)
  const plain = await query<{ label: string; key: string }>(
    `SELECT DISTINCT item_label AS label, item_key AS key FROM normalizer.value
     WHERE data_source_id = $1 AND item_key IS NOT NULL`,
    [source.id],
  )
  const learnt = keys[0]!.members[0]
  const right = new Set(
    shapes
      .flat()
      .map((item: { name: string; permalink?: string }) =>
        learnt === 'name' ? item.name : (item.permalink ?? `name\\=${item.name}`),
      ),
  )
  expect(new Set(plain.map(({ key }) => key))).toEqual(right)
  await second.stop()
})

describe('a subject keeps its series', () => {
  test.each<[string, object[], string]>([
    ['its url is null once', [{ url, id: 1 }, { url: null, id: 1 }, { id: 1 }, { url }], url],
    ['a slash comes and goes', [{ url: `${url}/` }, { url }], `${url}/`],
    ['201 becomes 201.0', [{ id: 201 }, { id: 201 }], '201'],
  ])('%s', async (_, roots, subject) => {
    const [source, company] = [await bench.addSource(products), await bench.addCompany()]
    const payloads = roots.map((root) => bench.payload(source, company, { ...root, products: [a] }))
    const float = bench.payload(source, company, '{"id":201.0,"products":[]}')
    if (subject === '201') payloads.push(float)
    await bench.feed(payloads)
    const observed = await bench.observed(payloads)
    expect(new Set(observed.map(([record]) => record!.value.subject_key))).toEqual(new Set([subject]))
  })
})

test('an empty list is another thing than one that is null or missing, at each delivery', async () => {
  const [source, company] = [await bench.addSource(products), await bench.addCompany()]
  const lists = [null, [a], [], null, undefined, []]
  const payloads = lists.map((items) => bench.payload(source, company, { url, products: items }))
  await bench.feed(payloads)
  const observed = await bench.observed(payloads)
  const empty = [{ path: 'products[]', outer_key: null }]
  expect(observed.map(([record]) => record!.value.empty_lists)).toEqual([[], [], empty, [], [], empty])
  expect(await newsOf(company, payloads.at(-1)!)).toEqual([
    { kind: 'gone', item_key: '/a', title: expect.stringContaining('A') },
  ])
  await bench.feed([payloads[2]!])
  const deliveries = await waitFor('the redelivery', async () => {
    const all = (await bench.observations()).filter(({ value }) => value.event_id === payloads[2]!.event_id)
    return all.length === 2 && all
  })
  expect(deliveries[1]!.bytes.equals(deliveries[0]!.bytes)).toBe(true)
})

test('lists and members may have any name: the value is stored, or refused with a reason', async () => {
  const names = ['a.b', 'x[]', '\ud800', 'n\0l', '"]']
  const mappings = names.map((SourceField, at): Mapping => {
    const NestedMappings = [{ SourceField, DataType: 'text', MeasurementName: `member ${at}` }]
    return { SourceField, DataType: 'nested', MeasurementName: `list ${at}`, NestedMappings, ItemKey: SourceField }
  })
  const [source, company] = [await bench.addSource(mappings), await bench.addCompany()]
  const items = (name: string, ...keys: string[]) =>
    keys.map((key) => ({ [name]: key, [`${name}_id`]: key, id: key.charCodeAt(0), list: [], n: '\ud800' }))
  const dataOf = (...keys: string[]) => Object.fromEntries(names.map((name) => [name, items(name, ...keys)]))
  const payloads = [
    ['p', 'q'],
    ['p', 'q', 'r'],
    ['\ud800', 'p'],
  ].map((keys) => bench.payload(source, company, dataOf(...keys)))
  await bench.feed(payloads)
  const observed = (await bench.observed(payloads)).map(([record]) => record!.value)
  expect(observed.map(({ values, refused }) => [values.length, refused])).toEqual([
    [10, 0],
    [15, 0],
    [5, 5],
  ])
  const told = await newsOf(company, payloads.at(-1)!)
  expect(told.map(({ kind, item_key }) => [kind, item_key])).toEqual(names.map(() => ['appeared', expect.any(String)]))
  const reasons = await query('SELECT DISTINCT reason FROM normalizer.refused WHERE data_source_id = $1', [source.id])
  expect(reasons).toEqual([{ reason: 'unstorable-text' }])
})

test('a text that becomes a list and a text again stays one series, and only what changed is told', async () => {
  const tagged: Mapping[] = [{ SourceField: 'tag', DataType: 'text' }]
  const [source, company] = [await bench.addSource(tagged), await bench.addCompany()]
  const payloads = ['Go', ['Go'], ['Rust', 'Go'], 'Go', ['C']].map((tag) => bench.payload(source, company, { tag }))
  await bench.feed(payloads)
  const news = await newsOf(company, payloads.at(-1)!)
  expect(news).toEqual([
    { kind: 'changed', item_key: null, title: expect.stringContaining('Rust') },
    { kind: 'changed', item_key: null, title: expect.stringContaining('C') },
  ])
  const series = await query(
    'SELECT DISTINCT company_measurement_id, item_key FROM normalizer.value WHERE data_source_id = $1',
    [source.id],
  )
  expect(series).toHaveLength(1)
})

test('a payload received long before the last one is silent, and newer values and items stay', async () => {
  const [source, company] = [await bench.addSource(products), await bench.addCompany()]
  const at = (minutes: number, ...items: object[]) =>
    bench.payload(source, company, { url, products: items }, { received_at: Date.now() + minutes * 60_000 })
  const payloads = [
    at(-30, a),
    at(0, { ...a, stars: 101 }),
    at(-10, { ...a, stars: 900 }, { permalink: '/old', name: 'O', stars: 1 }),
    at(-9, { permalink: '/older', name: 'P', stars: 1 }),
    at(1, { ...a, stars: 102 }),
  ]
  await bench.feed(payloads)
  const news = await newsOf(company, payloads.at(-1)!)
  expect(news).toEqual([{ kind: 'threshold', item_key: '/a', title: expect.stringContaining('900') }])
  expect(await query('SELECT silent FROM analyzer.news WHERE company_id = $1', [company])).toEqual([{ silent: true }])
})

// Last, because the normalizer that it starts ends with it.
test('a database of before keeps its items and subjects, and tells nothing that is not new', async () => {
  const [source, company] = [await bench.addSource(products), await bench.addCompany()]
  const items = [a, { permalink: '/b', name: 'B', stars: 7 }]
  const other = await bench.addCompany()
  // Their lists were keyed by name, because an item lacked its permalink, and the subject was written with a slash.
  const old = [1, 2].map(() =>
    bench.payload(source, company, { url: `${url}/`, products: items.map(({ name, stars }) => ({ name, stars })) }),
  )
  await bench.feed(old)
  await bench.observed(old)
  await newsOf(company, old.at(-1)!)
  await query('DELETE FROM normalizer.list_key WHERE data_source_id = $1', [source.id])
  await query('UPDATE normalizer.processed_event SET list_revision = NULL WHERE data_source_id = $1', [source.id])
  await query(
    'UPDATE normalizer.last_observed SET subjects = NULL, before_list_keys = true WHERE data_source_id = $1',
    [source.id],
  )
  await bench.restart()

  // Another company decides how the list is known from now on.
  expect(await feed(source, other, { url: 'https://y', products: items })).toEqual([['/a', '/b']])
  const after = bench.payload(source, company, { url, products: items })
  const more = bench.payload(source, company, { url, products: [...items, { permalink: '/c', name: 'C', stars: 1 }] })
  await bench.feed([after, more])
  const [[record] = []] = await bench.observed([after, more])
  expect(record!.value.subject_key).toBe(`${url}/`)
  expect(new Set(record!.value.values.flatMap(({ item_key }) => item_key ?? []))).toEqual(new Set(['A', 'B']))
  expect(await newsOf(company, more)).toEqual([
    { kind: 'appeared', item_key: 'C', title: expect.stringContaining('C') },
  ])
})
