import type { ServerResponse } from 'node:http'
import { beforeAll, describe, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { startEdge, type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { serve } from '../harness/serve.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
beforeAll(async () => {
  edge = await startEdge({ HANDSHAKE_TIMEOUT_MS: '2000' })
})

const shake = (endpoint: string, source: number | string, token?: string) => edge.handshake(endpoint, source, token)

const fields = ['name', 'stars', "it's"]

/** A module like the predecessor's: it registers its fields before it responds, with a JSON text in a JSON text. */
async function startMiner(
  name: string,
  write = writePython,
): Promise<{ endpoint: string; source: number; seen: { authorization: string; url: string }[] }> {
  const seen: { authorization: string; url: string }[] = []
  const endpoint = await serve(async (request, response) => {
    const authorization = request.headers.authorization ?? ''
    seen.push({ authorization, url: request.url ?? '' })
    const source_module_id = Number(new URL(request.url ?? '', 'http://x').searchParams.get('source_id'))
    const entries: object[] = []
    for (const measurement_name of fields) {
      const { status, json } = await edge.call('/source-measurement', {
        token: authorization,
        body: { type: 'text', measurement_name, source_module_id },
      })
      if (status !== 201) throw new Error(JSON.stringify(json))
      entries.push({
        SourceField: measurement_name,
        DataType: 'text',
        MeasurementName: measurement_name,
        source_measurement_id: json['id'],
      })
    }
    response.setHeader('content-type', 'application/json').end(write({ Source: name, Mappings: entries }))
  })
  return { endpoint: `${endpoint}/prefix/`, source: await edge.addSource(name, `${endpoint}/prefix/`), seen }
}

function writePython(map: object): string {
  const literal = JSON.stringify(map).replaceAll('"', "'").replaceAll("'it's'", '"it\'s"')
  return JSON.stringify(JSON.stringify({ frequency: 'Weekly', normalization_map: literal }))
}
const writeJson = (map: object) => JSON.stringify({ frequency: 'daily', normalization_map: map })

const mapsOf = async (source: number) =>
  (await edge.records(topics.normalizationMaps)).filter(({ decoded }) => decoded.data_source_id === source)
const versionsOf = (source: number) =>
  edge.database.query(
    'SELECT version, content, content_hash FROM edge.normalization_map WHERE data_source_id = $1 ORDER BY version',
    [source],
  )

describe('GET /handshake', () => {
  test('is answered with the frequency, when the module has registered its fields and its map is durable', async () => {
    const { endpoint, source, seen } = await startMiner('github')
    const answer = await shake(endpoint, source)
    expect([answer.status, answer.text]).toEqual([200, '{"frequency":"Weekly"}'])
    expect(seen).toEqual([
      {
        url: `/prefix/initialize?source_id=${source}`,
        authorization: expect.stringMatching(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/),
      },
    ])
    const rows = await edge.database.query<{ id: number; measurement_name: string }>(
      'SELECT id, measurement_name FROM source_measurement WHERE source_module_id = $1 ORDER BY id',
      [source],
    )
    expect(rows.map((row) => row.measurement_name)).toEqual(fields)
    const [map, ...more] = await mapsOf(source)
    expect(more).toEqual([])
    expect(map?.key).toBe(`${source}/1`)
    expect(map?.headers).toMatchObject({ event_id: map?.decoded.event_id, traceparent: expect.stringMatching(/^00-/) })
    expect(map?.decoded).toMatchObject({ source_name: 'github', version: 1 })
    const content = JSON.parse(map?.decoded.content ?? '') as { Mappings: { source_measurement_id: number }[] }
    expect(content.Mappings.map((entry) => entry.source_measurement_id)).toEqual(rows.map(({ id }) => id))
    expect(await edge.database.query('SELECT frequency FROM data_source WHERE id = $1', [source])).toEqual([
      { frequency: 'DAILY' },
    ])
    expect(await edge.records(topics.opsEvents)).toEqual([])
  })

  test('repeated registers nothing and keeps the version', async () => {
    const { endpoint, source } = await startMiner('again')
    const answers = await Promise.all([
      shake(endpoint, source),
      shake(endpoint.replace(/\/$/, ''), source),
      shake(endpoint, source),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(
      await edge.database.query('SELECT id FROM source_measurement WHERE source_module_id = $1', [source]),
    ).toHaveLength(fields.length)
    expect(await versionsOf(source)).toHaveLength(1)
    expect(new Set((await mapsOf(source)).map(({ key, decoded }) => `${key} ${decoded.event_id}`)).size).toBe(1)
  })

  test('a changed map is a new version; one that comes back becomes the newest version too', async () => {
    let write = writeJson
    const { endpoint, source } = await startMiner('changing', (map) => write(map))
    await shake(endpoint, source)
    write = (map) => writeJson({ ...map, more: true })
    await shake(endpoint, source)
    write = writePython
    await shake(endpoint, source)
    const versions = await versionsOf(source)
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3])
    expect(versions[2]).toEqual({ ...versions[0], version: 3 })
    const maps = await mapsOf(source)
    expect(maps.map(({ key }) => key).sort()).toEqual([1, 2, 3].map((version) => `${source}/${version}`))
    expect(new Set(maps.map(({ decoded }) => decoded.event_id)).size).toBe(3)
  })

  test('a map with its members in another order is no new version, and the version that was published stays as it was', async () => {
    const write = (map: { Mappings?: object[] }, isTurned: boolean) => {
      const turn = (one: object) => (isTurned ? Object.fromEntries(Object.entries(one).toReversed()) : one)
      return writeJson(turn({ ...map, Mappings: map.Mappings?.map(turn) }))
    }
    let isTurned = false
    const { endpoint, source } = await startMiner('turning', (map) => write(map, isTurned))
    await shake(endpoint, source)
    isTurned = true
    expect((await shake(endpoint, source)).text).toBe('{"frequency":"daily"}')
    expect(await versionsOf(source)).toHaveLength(1)
    const maps = await mapsOf(source)
    expect(new Set(maps.map(({ key, value }) => `${key} ${value?.toString('base64')}`)).size).toBe(1)
  })

  test('a module that names another source is accepted, and reported to operators', async () => {
    const { endpoint, source } = await startMiner('crunchbase', (map) => writeJson({ ...map, Source: 'cb' }))
    expect((await shake(endpoint, source)).status).toBe(200)
    const event = await waitFor('the event', async () =>
      (await edge.records(topics.opsEvents)).find(({ decoded }) => decoded.data_source_id === source),
    )
    expect(event.decoded).toMatchObject({
      kind: 'source-name-mismatch',
      subject: 'cb',
      facts: { source_name: 'crunchbase', map_source: 'cb' },
    })
    expect((await mapsOf(source))[0]?.decoded.source_name).toBe('crunchbase')
  })
})

describe('refuses', () => {
  test('an address that is not the stored one, and calls none', async () => {
    const { endpoint, source, seen } = await startMiner('guarded')
    const { source: elsewhere } = await startMiner('elsewhere')
    const nowhere = await edge.addSource('nowhere')
    for (const [address, id] of [
      [endpoint, elsewhere],
      [endpoint, 999_999],
      ['http://attacker.example', source],
      [`${endpoint}x`, source],
      [endpoint.replace('http:', 'https:'), source],
      ['', nowhere],
      ['', source],
    ] as const) {
      const answer = await shake(address, id)
      expect([answer.status, answer.json['detail']]).toEqual([
        403,
        `invocation_endpoint does not match the one stored for data source ${id}.`,
      ])
    }
    expect(seen).toEqual([])
  })

  test('an invalid token, or one of another source', async () => {
    const { endpoint, source, seen } = await startMiner('with-token')
    expect((await shake(endpoint, source, 'Bearer x')).status).toBe(401)
    const answer = await shake(endpoint, source, await edge.token(source + 1))
    expect([answer.status, answer.json['detail']]).toEqual([
      403,
      `data_source_id ${source} does not belong to data source ${source + 1} of the token.`,
    ])
    expect(seen).toEqual([])
    expect((await shake(endpoint, source, await edge.token(source))).status).toBe(200)
  })

  test('an address in a private network that is not allowed, naming the setting', async () => {
    const { endpoint, source, seen } = await startMiner('private')
    const closed = await edge.replica({ ALLOWED_PRIVATE_NETWORKS: '' })
    const answer = await closed.handshake(endpoint, source)
    expect([answer.status, answer.json]).toEqual([
      502,
      {
        detail: expect.stringMatching(/^Failed to initialize the data source: 127\.0\.0\.1 .*ALLOWED_PRIVATE_NETWORKS/),
      },
    ])
    expect(seen).toEqual([])
  })

  test.each([
    [
      '',
      [
        { type: 'missing', loc: ['query', 'invocation_endpoint'], msg: 'Field required', input: null },
        { type: 'missing', loc: ['query', 'data_source_id'], msg: 'Field required', input: null },
      ],
    ],
    [
      '?invocation_endpoint=x&data_source_id=y',
      [
        {
          type: 'int_parsing',
          loc: ['query', 'data_source_id'],
          msg: 'Input should be a valid integer, unable to parse string as an integer',
          input: 'y',
        },
      ],
    ],
  ])('the query %j with 422', async (query, detail) => {
    const answer = await edge.call(`/handshake${query}`)
    expect([answer.status, answer.json]).toEqual([422, { detail }])
  })
})

describe('a module that fails is 502, with the reason, and leaves no map', () => {
  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['status', (response) => response.writeHead(500).end('boom'), /answered 500/],
    ['no JSON', (response) => response.end('<html>'), /the answer is not JSON/],
    ['no frequency', (response) => response.end('{"normalization_map":{}}'), /frequency/],
    [
      'code',
      (response) =>
        response.end(JSON.stringify({ frequency: 'daily', normalization_map: "__import__('os').system('id')" })),
      /neither JSON nor a Python literal/,
    ],
    ['no mappings', (response) => response.end('{"frequency":"daily","normalization_map":{"Source":"x"}}'), /Mappings/],
    ['a redirect', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /not followed/],
    [
      'a cut',
      (response) => response.writeHead(200, { 'content-length': '100' }).write('x', () => response.destroy()),
      /./,
    ],
    ['silence', () => undefined, /no complete answer within 2000 ms/],
    [
      'too much',
      (response) => response.writeHead(200, { 'content-length': '5000000' }).write('x'),
      /more than 1048576 bytes/,
    ],
  ])('%s', async (name, answer, reason) => {
    const endpoint = await serve((_, response) => answer(response))
    const source = await edge.addSource(`failing-${name.replaceAll(' ', '-').toLowerCase()}`, endpoint)
    const { status, json } = await shake(endpoint, source)
    expect(status).toBe(502)
    expect(json['detail']).toMatch(/^Failed to initialize the data source: /)
    expect(json['detail']).toMatch(reason)
    expect(await versionsOf(source)).toEqual([])
  })

  test('nothing listens at the address', async () => {
    const source = await edge.addSource('nobody', '127.0.0.1:1')
    const { status, json } = await shake('https://127.0.0.1:1/', source)
    expect([status, json['detail']]).toEqual([502, expect.stringContaining('ECONNREFUSED')])
  })
})

test('a handshake that hangs blocks no other request, and ends with the server', async () => {
  const { promise: reached, resolve } = Promise.withResolvers<void>()
  const endpoint = await serve(() => resolve())
  const source = await edge.addSource('hanging', endpoint)
  const { url, stop } = await edge.start('edge', { ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8' })
  const hanging = useEdge(edge, url).handshake(endpoint, source)
  await reached
  expect((await fetch(url)).status).toBe(200)
  expect(await stop(5000)).toBe(0)
  expect((await hanging).status).toBe(503)
})
