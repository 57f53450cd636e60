import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { RouteRequest } from '../server/route.ts'
import { askToSignIn, keepForm } from './ask-to-sign-in.ts'

function request(form: string, referer?: string): RouteRequest {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...(referer !== undefined && { referer }) }
  return {
    ...{ headers, query: {}, params: {}, traceparent: undefined, key: randomUUID(), address: '' },
    readBody: async () => Buffer.from(form),
    receiveBody: async () => () => undefined,
  }
}

test('a page asks to sign in, and is remembered', async () => {
  const { status, headers } = await askToSignIn(request(''), 'GET', '/console/watchlist?days=30')
  expect([status, headers['location']]).toEqual([303, '/console/sign-in?to=%2Fconsole%2Fwatchlist%3Fdays%3D30'])
  const { headers: start } = await askToSignIn(request(''), 'GET', '/console')
  expect(start['location']).toBe('/console/sign-in')
})

test('a form that was sent has changed nothing, says so, and keeps its fields', async () => {
  const form = 'company=7&note=%22%3E%3Cscript%3E&company=9&empty='
  const sent = request(form, 'https://parma.example/console/me?tab=mutes')
  const { status, body } = await askToSignIn(sent, 'POST', '/console/me/mutes')
  expect(status).toBe(401)
  const text = String(body)
  expect(text).toContain('Nothing was changed.')
  expect(text).toContain('href="/console/sign-in?to=%2Fconsole%2Fme%3Ftab%3Dmutes"')
  expect(text).toContain('action="/console/me/mutes"')
  const kept = [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, a, b]) => [a, b])
  expect(kept).toEqual([
    ['company', '7'],
    ['note', '&quot;&gt;&lt;script&gt;'],
    ['company', '9'],
    ['empty', ''],
  ])
})

test.each([
  ['too many fields', Array.from({ length: 201 }, (_, no) => `a${no}=b`).join('&')],
  ['too long a form', `a=${'x'.repeat(70_000)}`],
  ['no fields', ''],
])('%s: there is only the way back', async (_, form) => {
  const { status, body } = await askToSignIn(request(form, '//evil.example'), 'POST', '//evil.example/console')
  expect(status).toBe(401)
  expect(String(body)).not.toContain('<form')
  expect(String(body)).toContain('href="/console/sign-in"')
})

test('a form can be sent again to the console only', async () => {
  const { body } = await askToSignIn(request('a=b'), 'POST', '//evil.example/console/me')
  expect(String(body)).toContain('action="/console"')
})

test('a form that met an error is kept with a key, which stays when it is sent again', async () => {
  const sent = request('company=7&company=9&form_token=x', 'https://parma.example/console/me')
  const kept = await keepForm(sent, '/console/me/follow?a=b')
  expect(kept).toEqual({
    ...{ page: '/console/me', action: '/console/me/follow?a=b' },
    fields: [
      ['company', '7'],
      ['company', '9'],
      ['form_token', 'x'],
      ['form_key', sent.key],
    ],
  })
  const again = request(
    new URLSearchParams(kept!.fields.map(([name, value]): [string, string] => [name, value])).toString(),
  )
  expect((await keepForm(again, '/console/me/follow'))?.fields).toEqual(kept!.fields)
})

test.each([
  ['a secret', 'key=parma_x', '/console/sign-in/key'],
  ['what is no page of the console', 'a=b', '/unsubscribe'],
  ['too long a form', `a=${'x'.repeat(70_000)}`, '/console/me/follow'],
])('%s is not kept', async (_, form, url) => {
  expect(await keepForm(request(form), url)).toBeNull()
})
