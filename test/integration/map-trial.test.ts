import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { onCleanup } from '../harness/cleanup.ts'
import {
  type Fed,
  type InstalledNormalizer,
  installNormalizer,
  type Mapping,
  type Source,
} from '../harness/normalizer/setup.ts'
import { asRole } from '../harness/roles.ts'
import { waitFor } from '../harness/wait-for.ts'

// Commands are slow to start on a busy machine.
vi.setConfig({ testTimeout: 600_000 })

type Side = {
  measurement: string | null
  type: string | null
  values: number
  null: number
  unmapped: number
  refused: number
}
type Path = {
  path: string
  before: Side
  after: Side
  added: number
  removed: number
  changed: number
  samples: object[]
}
type Totals = Record<'leaves' | 'stored' | 'null' | 'unmapped' | 'refused' | 'refused_as_a_whole', number>
type News = { document: number; kind: string; title: string; message: string; silent: boolean }
type Report = {
  in_force: number | null
  documents: number
  before: Totals
  after: Totals
  paths: Path[]
  news: { gained: News[]; lost: News[]; same: number }
}

const mappings: Mapping[] = [
  { SourceField: 'url', DataType: 'link' },
  { SourceField: 'stars', DataType: 'int' },
  { SourceField: 'downloads', DataType: 'int' },
  { SourceField: 'plan', DataType: 'text' },
  { SourceField: 'size', DataType: 'int' },
  {
    SourceField: 'repos',
    DataType: 'nested',
    NestedMappings: [
      { SourceField: 'name', DataType: 'text' },
      { SourceField: 'forks', DataType: 'int' },
    ],
  },
]

let bench: InstalledNormalizer
let folder: string
beforeAll(async () => {
  bench = await installNormalizer()
  await Promise.all([
    bench.installation.start('analyzer', { ...asRole('analyzer', bench.installation.env), RULES_MAX_AGE_MS: '200' }),
    bench.installation.start('raw-sink'),
  ])
  folder = mkdtempSync(join(tmpdir(), 'map-trial-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
})

const query = <T extends object>(text: string, values: unknown[] = []) =>
  bench.installation.database.query<T>(text, values)

/** A source whose map is version 1, as a handshake leaves it. */
async function addSource(): Promise<Source> {
  const source = await bench.addSource(mappings)
  await query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, received_at, published_at)
     VALUES ($1, 1, 'h', $2, now(), now())`,
    [source.id, JSON.stringify({ Source: source.name, Mappings: source.mappings })],
  )
  return source
}

function write(name: string, content: unknown): string {
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify(content))
  return file
}

const data = (n: number) => ({
  url: 'https://x',
  stars: n % 4 === 3 ? null : 10 + n,
  downloads: n === 7 ? 90_000 : 100 + (n % 2),
  plan: n % 2 === 0 ? 'free' : 'pro',
  size: n % 3 === 0 ? '12 MB' : 12,
  extra: `e${n}`,
  repos: [
    { name: 'a', forks: n },
    { name: 'b', forks: n === 2 ? 'many' : 5 },
  ],
})

/** Feeds payloads and waits until they are judged. */
async function feed(payloads: Fed[]): Promise<void> {
  await bench.feed(payloads)
  await waitFor('the payloads to be judged', async () => {
    const rows = await query('SELECT FROM analyzer.processed_event WHERE event_id = ANY($1)', [idsOf(payloads)])
    return rows.length === payloads.length
  })
}

const idsOf = (payloads: Fed[]) => payloads.map(({ event_id }) => event_id)

const tryMap = (source: Source, map: unknown, ...more: string[]) => tryOne(source, write('map.json', map), ...more)

/** `which`: a file, or an option that names a stored map. */
async function tryOne(source: Source, ...which: string[]): Promise<Report> {
  return JSON.parse(
    await bench.installation.parma('maps', 'try', ...which, '--source', source.name, '--json'),
  ) as Report
}

/** The last documents of the source, when raw-sink has stored them. */
async function documentsStored(source: Source, payloads: Fed[]): Promise<void> {
  const at = (id: string) => `parma/mining/datasource/${source.name}/raw_data/${id}`
  await waitFor('the documents', async () => {
    const found = await bench.installation.firestore.client.getAll(
      ...idsOf(payloads).map((id) => bench.installation.firestore.client.doc(at(id))),
    )
    return found.every(({ exists }) => exists)
  })
}

test('what activation then stores is what the dry run has reported', async () => {
  const source = await addSource()
  const companies = [await bench.addCompany(), await bench.addCompany()]
  const begun = Date.now()
  const payloads = Array.from({ length: 10 }, (_, n) =>
    bench.payload(source, companies[n % 2]!, data(n), { received_at: begun + n }),
  )
  await feed(payloads)
  await documentsStored(source, payloads)

  const [url, stars, downloads, _plan, size, repos] = source.mappings
  const changed = {
    Source: source.name,
    Mappings: [
      url,
      { ...stars, DataType: 'text' },
      downloads,
      // plan is no longer stored.
      { ...size, DataType: 'text' },
      { ...repos, NestedMappings: [repos!.NestedMappings![0], { ...repos!.NestedMappings![1], DataType: 'date' }] },
      { SourceField: 'extra', DataType: 'text', MeasurementName: 'extra' },
    ],
  }
  const before = await query('SELECT count(*)::int AS n FROM source_measurement')
  const report = await tryMap(source, changed, '--last', '10')
  expect(await query('SELECT count(*)::int AS n FROM source_measurement')).toEqual(before)
  expect(report).toMatchObject({ in_force: 1, documents: 10 })
  const at = (path: string) => report.paths.find((one) => one.path === path)
  expect(at('plan')).toMatchObject({ removed: 10, before: { values: 10 }, after: { values: 0, unmapped: 10 } })
  expect(at('extra')).toMatchObject({
    added: 10,
    before: { unmapped: 10 },
    after: { values: 10, measurement: 'extra' },
  })
  expect(at('stars')).toMatchObject({ changed: 8, before: { type: 'int', null: 2 }, after: { type: 'text', null: 2 } })
  expect(at('size')).toMatchObject({ before: { refused: 4 }, after: { refused: 0, values: 10 }, added: 4 })
  expect(at('downloads')).toBe(undefined)
  expect(at('repos[].forks')!.removed).toBe(19)
  expect(at('size')!.samples.length).toBe(3)
  expect(report.news.gained.length + report.news.lost.length + report.news.same).toBeGreaterThan(0)

  await bench.installation.parma('maps', 'activate', write('map.json', changed), '--source', source.name, '--yes')
  // The same documents come again, in their order.
  const again = payloads.map(({ body, company_id, content_hash }) =>
    bench.payload(source, company_id, {}, { body, content_hash, map_version: 2 }),
  )
  await feed(again)
  const ids = idsOf(again)
  const [totals] = await query(
    `SELECT sum(stored + nulls + unmapped + refused)::int AS leaves, sum(stored)::int AS stored, sum(nulls)::int AS null,
       sum(unmapped)::int AS unmapped, sum(refused)::int AS refused, count(reason)::int AS refused_as_a_whole
     FROM normalizer.processed_event WHERE event_id = ANY($1) AND map_version = 2`,
    [ids],
  )
  expect(report.after).toEqual(totals)
  const values = await query<{ path: string; values: number; type: string }>(
    `SELECT path, count(*)::int AS values, min(v.type) AS type
     FROM normalizer.value v JOIN normalizer.processed_event p USING (event_no) WHERE p.event_id = ANY($1) GROUP BY path`,
    [ids],
  )
  const refused = await query<{ path: string; refused: number }>(
    `SELECT path, sum(leaves)::int AS refused FROM normalizer.refused r JOIN normalizer.processed_event p USING (event_no)
     WHERE p.event_id = ANY($1) AND r.reason <> 'unmapped' GROUP BY path`,
    [ids],
  )
  for (const { path, after } of report.paths) {
    const stored = values.find((one) => one.path === path)
    expect({ path, values: stored?.values ?? 0, type: stored?.type ?? null }).toEqual({
      ...{ path, values: after.values, type: after.type },
    })
    expect({ path, refused: refused.find((one) => one.path === path)?.refused ?? 0 }).toEqual({
      ...{ path, refused: after.refused },
    })
  }
  const news = await query<{ event_id: string; kind: string; title: string; silent: boolean }>(
    `SELECT event_id, kind, title, silent FROM analyzer.news WHERE event_id = ANY($1)`,
    [ids],
  )
  expect(news.length).toBe(report.news.same + report.news.gained.length)
  const made = news.map(({ event_id, title }) => `${ids.indexOf(event_id)} ${title}`)
  for (const { document, title } of report.news.gained) expect(made).toContain(`${document} ${title}`)
  for (const { document, title } of report.news.lost) expect(made).not.toContain(`${document} ${title}`)
})

test('a trial that somebody asks the normalizer for says what the command says, and one that cannot be made says why', async () => {
  const source = await addSource()
  const company = await bench.addCompany()
  const payloads = [0, 1, 2].map((n) => bench.payload(source, company, data(n)))
  await feed(payloads)
  await documentsStored(source, payloads)
  const map = { Source: source.name, Mappings: source.mappings.filter(({ SourceField: field }) => field !== 'plan') }
  const keep = async (content: unknown) => {
    const [row] = await query<{ id: number }>(
      `INSERT INTO edge.map_draft (data_source_id, origin, actor, content_hash, content, state)
       VALUES ($1, 'upload', 'key:a', 'h', $2, 'draft') RETURNING draft_id AS id`,
      [source.id, JSON.stringify(content)],
    )
    return row!.id
  }
  const ask = (payload: { draft?: number; version?: number; last?: number }, source_id = source.id) =>
    bench.askFor('normalizer.map.try', { source: source_id, ...payload })
  const ended = (id: string) =>
    waitFor('the trial', async () => {
      const [row] = await query<{ state: string; message: string; report: Report | null }>(
        `SELECT t.state, t.message, t.report || jsonb_build_object('news', n.news) AS report
         FROM normalizer.map_trial_view t LEFT JOIN analyzer.map_trial_news_view n USING (trial_id)
         WHERE trial_id = $1 AND (t.state = 'failed' OR n.state = 'done')`,
        [id],
      )
      return row
    })
  const { state, report } = await ended(await ask({ draft: await keep(map), last: 3 }))
  const printed = await tryMap(source, map, '--last', '3')
  expect(state).toBe('done')
  expect(report).toMatchObject(printed)

  // The command takes a stored version and the map that waits, too.
  const options = ['--last', '3', '--no-news']
  expect(await tryOne(source, '--version', '1', ...options)).toMatchObject({ documents: 3, paths: [] })
  await expect(tryOne(source, '--waiting', ...options)).rejects.toThrow(`No map of ${source.name} waits for a yes.`)
  await query(`UPDATE edge.map_draft SET state = 'waiting', origin = 'handshake' WHERE data_source_id = $1`, [
    source.id,
  ])
  expect(await tryOne(source, '--waiting', ...options)).toEqual({ ...printed, news: null })
  await expect(tryOne(source, '--version', '7')).rejects.toThrow(`${source.name} has no version 7 of its map.`)
  await expect(tryOne(source)).rejects.toThrow('Give one map: a file, --version or --waiting.')
  await expect(tryMap(source, map, '--waiting')).rejects.toThrow('Give one map')

  // By the version in force, nothing differs.
  const same = await ended(await ask({ version: 1 }))
  expect(same.report).toMatchObject({ documents: 3, paths: [], news: { gained: [], lost: [] } })

  const bare = await addSource()
  const none = await ended(await ask({ version: 1 }, bare.id))
  expect(none).toMatchObject({ state: 'failed', report: null, message: expect.stringContaining('no stored documents') })

  // One that has ended its process twice fails, one that did so once is taken up again.
  const died = async (attempts: number) => {
    const [row] = await query<{ id: string }>(
      `INSERT INTO normalizer.map_trial (trial_id, data_source_id, source_name, version, content, last, actor, attempts,
         leased_until)
       VALUES (gen_random_uuid(), $1, $2, 1, $3, 3, 'key:a', $4, now() - interval '1 s') RETURNING trial_id AS id`,
      [source.id, source.name, JSON.stringify(map), attempts],
    )
    // The loop has just looked, and does so by itself after 30 s.
    const isBegun = `SELECT FROM normalizer.map_trial WHERE trial_id = $1 AND (state <> 'running' OR leased_until > now())`
    await waitFor('the trial to begin', async () => (await query(isBegun, [row!.id])).length === 1, 10_000)
    return ended(row!.id)
  }
  expect((await died(1)).state).toBe('done')
  expect(await died(2)).toMatchObject({ state: 'failed', message: expect.stringContaining('did not end') })
})

test('a map of another source, a source without documents, and payloads of a file', async () => {
  const source = await addSource()
  const map = { Source: source.name, Mappings: source.mappings.slice(0, 2) }
  await expect(tryMap(source, { ...map, Source: 'other' })).rejects.toThrow('is a map of other')
  await expect(tryMap(source, { Source: source.name })).rejects.toThrow('has no map')
  await expect(tryMap(source, map)).rejects.toThrow('has no stored documents yet')
  const company = await bench.addCompany()
  const report = await tryMap(
    source,
    map,
    ...['--payloads', write('payloads.json', [data(1), data(2)]), '--company', String(company), '--no-news'],
  )
  expect(report).toMatchObject({ documents: 2, news: null, before: { refused: 1 } })
  await expect(tryMap(source, map, '--payloads', write('payloads.json', [data(1)]))).rejects.toThrow('names no company')
})
