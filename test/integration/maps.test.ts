import { writeFileSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { topics } from '#schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { mapEntry, type MapEntry, serveMap } from '../harness/edge/map-module.ts'
import { type StartedEdge, startEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: StartedEdge
let folder: string
beforeAll(async () => {
  edge = await startEdge()
  folder = mkdtempSync(join(tmpdir(), 'maps-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
})

let sources = 0

/** A source whose module answers with `mappings`, which a test may change. */
async function addSource() {
  const name = `maps${sources++}`
  const mappings: MapEntry[] = []
  const module = await serveMap(name, mappings)
  const id = await edge.addSource(name, module)
  return { id, name, mappings, shake: (token?: string) => edge.handshake(module, id, token) }
}

const addMeasurement = (source: number, name: string, type: string) =>
  storeFacts(edge).addMeasurement(source, name, type)

function write(content: unknown): string {
  const file = join(folder, 'map.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

type Listed = { version: number; state: string; how: string; by: string | null; reason: string | null }
const list = async (name: string) => JSON.parse(await edge.parma('maps', 'ls', '--source', name, '--json')) as Listed[]
const short = (rows: Listed[]) => rows.map(({ version, state, how }) => `${version} ${state}: ${how}`)

let fed = 0
/** The version that a payload is told to be understood by. */
async function versionOfFeed({ id, name }: { id: number; name: string }): Promise<number | null> {
  const body = { source_name: name, company_id: '1', raw_data: { fed: fed++ } }
  const { status, json } = await edge.call('/feed-raw-data', { token: await edge.token(id), body })
  expect(status).toBe(201)
  const record = await waitFor('the record', async () =>
    (await edge.records(topics.rawPayloads)).find(({ decoded }) => decoded.event_id === json['document_id']),
  )
  return record.decoded.map_version
}

test('versions say who brought them; operators activate and roll back; a module that says nothing new changes nothing', async () => {
  const source = await addSource()
  const { name, mappings } = source
  const stars = await addMeasurement(source.id, 'stars', 'int')
  mappings.push(mapEntry('stars', 'int', stars))
  expect((await source.shake()).status).toBe(200)
  mappings.push(mapEntry('plan', 'text', await addMeasurement(source.id, 'plan', 'text')))
  expect((await source.shake(await edge.token(source.id))).status).toBe(200)
  expect(await list(name)).toMatchObject([
    { version: 2, state: 'in force', how: 'handshake', by: `source:${source.id}` },
    { version: 1, state: 'earlier', how: 'handshake', by: 'parma-web' },
  ])

  const changed = { Source: name, Mappings: [...mappings, mapEntry('forks', 'int')] }
  expect(await edge.parma('maps', 'diff', write(changed), '--source', name)).toContain('+ forks (int, forks)')
  const activate = (...more: string[]) =>
    edge.parma('maps', 'activate', write(changed), '--source', name, '--reason', 'forks are sent', '--yes', ...more)
  await expect(activate('--in-force', '1')).rejects.toThrow('now version 2 is, by source:')
  expect(await activate()).toContain(`version 3 of the map of ${name} is in force, in place of version 2`)
  await expect(activate()).rejects.toThrow('This map is in force already, as version 3.')
  expect((await list(name))[0]).toMatchObject({
    ...{
      version: 3,
      state: 'in force',
      how: 'activated',
      reason: 'forks are sent',
      by: expect.stringMatching(/^cli:/),
    },
  })
  const [forks] = await edge.database.query(
    `SELECT type FROM source_measurement WHERE source_module_id = $1 AND measurement_name = 'forks'`,
    [source.id],
  )
  expect(forks).toEqual({ type: 'int' })
  await waitFor('the edge to know the version', async () => (await versionOfFeed(source)) === 3)

  // The module sends what it sent last time.
  expect((await source.shake()).status).toBe(200)
  expect(short(await list(name))[0]).toBe('3 in force: activated')

  const rollBack = (...more: string[]) => edge.parma('maps', 'rollback', '--source', name, '--yes', ...more)
  expect(await rollBack('--reason', 'wrong')).toContain('version 4')
  expect(await rollBack()).toContain('version 5')
  await expect(rollBack()).rejects.toThrow('had no other map before')
  expect(await rollBack('--to', '3')).toContain('version 6')
  expect(short(await list(name))).toEqual([
    '6 in force: rolled back to version 3',
    '5 earlier: rolled back to version 1',
    '4 earlier: rolled back to version 2',
    '3 earlier: activated',
    '2 earlier: handshake',
    '1 earlier: handshake',
  ])
  expect(JSON.parse(await edge.parma('maps', 'show', '5', '--source', name))).toMatchObject({
    Mappings: [{ SourceField: 'stars' }],
  })
  // It says something new: that counts.
  mappings.pop()
  mappings.push(mapEntry('plan', 'paragraph', Number(mappings[0]!['source_measurement_id'])))
  expect((await source.shake()).status).toBe(200)
  expect(short(await list(name))[0]).toBe('7 in force: handshake')

  const audit = await edge.database.query<{ kind: string; after: object; reason: string | null }>(
    `SELECT kind, after, reason FROM edge.audit WHERE subject = $1 AND kind LIKE 'edge.map.%' ORDER BY audit_id`,
    [`source:${source.id}`],
  )
  expect(audit.map(({ kind, after, reason }) => [kind, after, reason])).toEqual([
    ['edge.map.handshake', { version: 1 }, null],
    ['edge.map.handshake', { version: 2 }, null],
    ['edge.map.activate', { version: 3 }, 'forks are sent'],
    ['edge.map.rollback', { version: 4, same_as: 2 }, 'wrong'],
    ['edge.map.rollback', { version: 5, same_as: 1 }, null],
    ['edge.map.rollback', { version: 6, same_as: 3 }, null],
    ['edge.map.handshake', { version: 7 }, null],
  ])
})

test('of two who activate at once one is refused', async () => {
  const source = await addSource()
  source.mappings.push(mapEntry('a', 'int', await addMeasurement(source.id, 'a', 'int')))
  await source.shake()
  const run = (field: string) => {
    const file = join(folder, `${field}.json`)
    writeFileSync(file, JSON.stringify({ Source: source.name, Mappings: [mapEntry(field, 'int')] }))
    return edge.parma('maps', 'activate', file, '--source', source.name, '--in-force', '1', '--yes')
  }
  const settled = await Promise.allSettled(['b', 'c'].map(run))
  expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const refused = settled.find((one) => one.status === 'rejected')
  expect(String(refused?.reason)).toMatch(/is being activated|When you looked/)
  expect(short(await list(source.name))).toEqual(['2 in force: activated', '1 earlier: handshake'])
})

test('what is no map of the source is refused with the reason', async () => {
  const source = await addSource()
  const other = await addSource()
  const foreign = await addMeasurement(other.id, 'x', 'int')
  const run = (content: unknown) => edge.parma('maps', 'activate', write(content), '--source', source.name, '--yes')
  await expect(run('{"Source": ')).rejects.toThrow('This is no map')
  await expect(run('[]')).rejects.toThrow('This is no map')
  await expect(run({ Source: other.name, Mappings: [] })).rejects.toThrow(`This is a map of ${other.name}`)
  await expect(run({ Source: source.name, Mappings: [mapEntry('x', 'int', foreign)] })).rejects.toThrow(
    `x has the source_measurement_id ${foreign}`,
  )
  const large = Array.from({ length: 8000 }, (_, n) => mapEntry(`field-${n}-${'x'.repeat(60)}`, 'int', foreign))
  await expect(run({ Source: source.name, Mappings: large })).rejects.toThrow('of 8000 such entries')
  const tooMany = Array.from({ length: 10_001 }, (_, n) => mapEntry(`f${n}`, 'int', foreign))
  await expect(run({ Source: source.name, Mappings: tooMany })).rejects.toThrow('more than 10000 entries')
  await expect(edge.parma('maps', 'rollback', '--source', source.name, '--yes')).rejects.toThrow('no map in force')
  await edge.database.query('DELETE FROM data_source WHERE id = $1', [source.id])
  await expect(run({ Source: source.name, Mappings: [] })).rejects.toThrow(`There is no source "${source.name}"`)
})
