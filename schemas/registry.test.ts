import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RegistryError, splitUrl } from './ask-registry.ts'
import { applySubject, createRegistry, planSubject } from './registry.ts'
import { topics } from './topics.ts'

// What a network and a proxy can put in the place of an answer. How a registry that works answers is tested on a real one,
// test/integration/registry.test.ts.
const json = (status: number, body: unknown): RequestListener => {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    response.end(JSON.stringify(body))
  }
}
const page = (status: number): RequestListener => {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'text/html' })
    response.end('<html>default backend</html>')
  }
}
const faults: [string, RequestListener][] = [
  ['a connection that is reset', (request) => request.socket.destroy()],
  [
    'an answer that breaks off',
    (_, response) =>
      void (response.writeHead(200, { 'content-length': '100' }), response.write('{', () => response.destroy())),
  ],
  ['no answer at all', () => undefined],
  ['no access', json(401, { error_code: 401, message: 'Unauthorized' })],
  ['too many requests', json(429, { error_code: 429, message: 'slow down' })],
  ['a fault of the registry', json(500, { error_code: 50001, message: 'storage' })],
  ['a registry that starts', json(503, { error_code: 50301, message: 'starting' })],
  ['an error without a body', (_, response) => void response.writeHead(500).end()],
  ['a page of a proxy', page(502)],
  ['a login page', page(200)],
  ['a 404 of a proxy', page(404)],
  ['JSON of another server', json(200, { status: 'ok' })],
]

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(faults)('%s', (_, listener) => {
  const transient = expect.toSatisfy((error: Error) => error instanceof RegistryError && error.transient)

  test('is an outage to those who ask', async () => {
    const registry = createRegistry(await serve(listener), { timeoutMs: 300 })
    await expect(registry.findType(7)).rejects.toEqual(transient)
    await expect(registry.findId('some-value', '"string"')).rejects.toEqual(transient)
    // Asked again, it is asked again: nothing is left over from the first time.
    await expect(registry.findType(7)).rejects.toEqual(transient)
  })

  test('is an outage to the operator', async () => {
    const url = await serve(listener)
    await expect(planSubject(url, topics.news, 'news', { timeoutMs: 300 })).rejects.toEqual(transient)
    await expect(applySubject(url, topics.news, 'news', { timeoutMs: 300 })).rejects.toEqual(transient)
  })
})

test('credentials of the address are sent, and never shown', async () => {
  const seen: (string | undefined)[] = []
  const address = await serve((request, response) => {
    seen.push(request.headers.authorization)
    json(401, { error_code: 401, message: 'Unauthorized' })(request, response)
  })
  const url = `${address.replace('//', '//ann:p%40ss@')}/apis/ccompat/v7/`
  expect(splitUrl(url)).toEqual({ host: `${address}/apis/ccompat/v7`, auth: { username: 'ann', password: 'p@ss' } })

  const registry = createRegistry(url)
  const asked = [
    () => registry.findType(1),
    () => registry.findId('a', '"int"'),
    () => planSubject(url, topics.news, 'news'),
  ]
  for (const ask of asked) {
    const error: unknown = await ask().catch((reason: unknown) => reason)
    expect(inspect(error, { depth: 10 })).toContain('Unauthorized')
    expect(inspect(error, { depth: 10 })).not.toMatch(/p@ss|p%40ss/)
  }
  expect(new Set(seen)).toEqual(new Set([`Basic ${Buffer.from('ann:p@ss').toString('base64')}`]))
})
