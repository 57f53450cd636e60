import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { mintToken } from '../../services/runtime/web/token.ts'
import { type StartedEdge, startEdge } from '../harness/edge/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: StartedEdge
let source = 0

const limits = {
  HEADERS_TIMEOUT_MS: '1000',
  REQUEST_TIMEOUT_MS: '2000',
  MAX_CONNECTIONS: '8',
  MAX_HEADER_BYTES: '8192',
  LOG_LEVEL: 'trace',
}

beforeAll(async () => {
  edge = await startEdge(limits)
  source = await edge.addSource('github')
})

type Client = { socket: Socket; text(): string; closed: Promise<unknown> }

function open(): Client {
  const { hostname, port } = new URL(edge.url)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  let text = ''
  socket.on('data', (chunk: string) => (text += chunk)).on('error', () => undefined)
  const closed = new Promise((done) => socket.on('close', done))
  onTestFinished(() => void socket.destroy())
  return { socket, text: () => text, closed }
}

/** Writes a piece repeatedly until the connection is closed. */
function drip({ socket }: Client, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 100)
  socket.on('close', () => clearInterval(timer))
}

const isUp = async () => expect((await edge.call('/')).status).toBe(200)

describe('slow clients are disconnected', () => {
  test('that send nothing', async () => {
    const client = open()
    await client.closed
    expect(client.text()).toMatch(/^$|^HTTP\/1.1 408 /)
    await isUp()
  })

  test('that drip their headers', async () => {
    const client = open()
    client.socket.write('GET / HTTP/1.1\r\nhost: x\r\n')
    drip(client, 'x-more: x\r\n')
    await client.closed
    expect(client.text()).toMatch(/^HTTP\/1.1 408 /)
    await isUp()
  })

  test('that drip their body', async () => {
    const client = open()
    const authorization = await edge.token(source)
    client.socket.write(
      `POST /feed-raw-data HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
    )
    drip(client, ' ')
    await client.closed
    expect(client.text()).not.toMatch(/ 20\d /)
    await isUp()
  })
})

describe('the resources of a client are limited', () => {
  test('headers', async () => {
    const client = open()
    client.socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(9000)}\r\n\r\n`)
    await client.closed
    expect(client.text()).toMatch(/^HTTP\/1.1 431 /)
    expect(client.text()).not.toMatch(/node:|\.ts/)
    await isUp()
  })

  test('connections', async () => {
    const clients = Array.from({ length: 12 }, open)
    let closed = 0
    for (const client of clients) {
      void client.closed.then(() => closed++)
      client.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    }
    const answered = () => clients.filter(({ text }) => text().startsWith('HTTP/1.1 200 ')).length
    await waitFor('each to be answered or closed', () => answered() + closed === clients.length)
    expect(answered()).toBeGreaterThan(0)
    expect(answered()).toBeLessThanOrEqual(8)
    for (const { socket } of clients) socket.destroy()
    await waitFor('room for others', async () => (await isUp(), true))
  })
})

test('no log line shows a secret, a token or a key', async () => {
  const { shared, analytics } = edge.secrets
  const token = await edge.token(source)
  const key = await edge.apiKey('viewer')
  const forged = await mintToken(
    { sourceId: source, jti: 'j', now: Date.now(), lifetimeSeconds: 60 },
    { shared, analytics: 'x'.repeat(32) },
  )
  const body = { source_name: 'github', company_id: '1', raw_data: {} }
  const sent: [string, string, object?][] = [
    ['/feed-raw-data', token, body],
    ['/feed-raw-data', token, { ...body, source_name: 'reddit' }],
    ['/feed-raw-data', forged],
    ['/feed-raw-data', key, body],
    ['/api/v1/events/x', key],
    ['/api/v1/events/x', `${key.slice(0, -1)}A`],
    ['/api/v1/nothing', token],
  ]
  for (const [path, authorization, json] of sent)
    await edge.call(path, { token: authorization, ...(json && { body: json }) })
  const unique = `/${randomUUID()}`
  await edge.call(unique, { token })
  const lines = await waitFor('the last line', () => edge.service.logs().includes(unique) && edge.service.logs())
  expect(lines).toContain('"request_refused"')
  for (const secret of [token, forged, key].flatMap((one) => one.split(/[ .]/)).concat(shared, analytics))
    if (secret !== 'Bearer') expect(lines).not.toContain(secret)
})
