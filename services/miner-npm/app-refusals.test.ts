import { SignJWT } from 'jose'
import { beforeEach, expect, test } from 'vitest'
import { callModule, mint, secret, type EdgeStandIn } from './edge-stand-in.ts'
import { startApp } from './start-app.ts'

let module: Awaited<ReturnType<typeof startApp>>
let edge: EdgeStandIn

beforeEach(async () => {
  module = await startApp()
  edge = module.edge
  return () => module.close()
})

const call = (path: string, body?: unknown, token?: string) => callModule(module.url + path, body, token)

test.each<[string, () => Promise<string>]>([
  ['signed with another key', () => mint('another secret, also long enough to be one')],
  ['expired', () => mint(secret, 7, '-1s')],
  ['signed with another algorithm', () => mint(secret.repeat(2), 7, '30m', 'HS512')],
  ['not signed', async () => `${(await mint()).split('.').slice(0, 2).join('.')}.`],
  [
    'of one level',
    () =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1m')
        .sign(new TextEncoder().encode(secret)),
  ],
  [
    'without an end',
    () => new SignJWT({ sourcing_id: 'x' }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret)),
  ],
  ['no token', async () => 'x'],
])('a token that is %s opens nothing', async (_, token) => {
  for (const [path, body] of [
    ['/initialize?source_id=7'],
    ['/discover', []],
    ['/companies', { task_id: 5, companies: {} }],
  ] as const)
    expect(await call(path, body, await token())).toEqual({ status: 401, body: { detail: 'Invalid or expired token' } })
  expect(edge.calls).toEqual([])
})

test('no token at all opens nothing', async () => {
  expect((await fetch(`${module.url}/initialize?source_id=7`)).status).toBe(401)
})

test.each<[string, unknown, number]>([
  ['/initialize', undefined, 422],
  ['/initialize?source_id=x', undefined, 422],
  ['/discover', { company_id: '1' }, 422],
  ['/discover', '[', 400],
  ['/companies', { task_id: 5, companies: null }, 422],
  ['/companies', { task_id: '5', companies: {} }, 422],
  ['/companies', { task_id: 5, companies: { 1: { packages: 'express' } } }, 422],
  ['/companies', JSON.stringify({ task_id: 5, companies: {}, more: 'x'.repeat(1024 * 1024) }), 413],
  ['/elsewhere', undefined, 404],
])('%s with an unusable body or query, case %#, is refused', async (path, body, status) => {
  const answer = await call(path, body)
  expect(answer).toEqual({ status, body: { detail: expect.any(String) } })
  expect(edge.calls).toEqual([])
})
