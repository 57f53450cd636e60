import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readReferer, readTarget, withTarget } from './target.ts'

test.each([
  '/console',
  '/console/watchlist',
  '/console/series/4711?since=2026-01-01&to=%2Fconsole',
  '/console?bucket=3&q=a%20b',
  '/console/companies/7?q=https://evil.example/',
])('%s is a page', (path) => {
  expect(readTarget(path)).toBe(path)
})

test.each([
  undefined,
  '',
  '/',
  '//evil.example',
  '///evil.example/console',
  'https://evil.example/console',
  'https:/console',
  'javascript:alert(1)',
  '\\\\evil.example',
  '/\\evil.example',
  '/console\\..\\..\\evil.example',
  '/console/..//evil.example',
  '/console/../../evil.example',
  '/console/%2e%2e//evil.example',
  '/console/.%2E/\\evil.example',
  '/console/%2e%2e/%2e%2e/docs',
  '/consoleevil',
  '/console.evil.example',
  '/console@evil.example',
  '/console\r\nset-cookie: a=b',
  '/console/\u0000',
  ' /console',
  '\t/console',
  '/console/sign-in',
  '/console/sign-in?to=/console/sign-in',
  '/console/x/../sign-out',
  '/console//sign-out',
  '/api/v1/news',
  '/unsubscribe/1/2',
  `/console/${'x'.repeat(2000)}`,
  'console',
])('%j leads to the start page', (text) => {
  expect(readTarget(text)).toBe('/console')
})

test('a fragment is left out', () => {
  expect(readTarget('/console/news#2')).toBe('/console/news')
})

const pieces = fc.constantFrom(
  ...['/', '//', '\\', '/console', '/console/', '.', '..', '%2e', '%2f', '%5c', '@', ':', '?', '#', 'evil.example'],
  ...[
    'https:',
    'javascript:',
    '\t',
    '\n',
    '\r',
    ' ',
    '\u0000',
    '\u2028',
    '；',
    '／',
    '。',
    'sign-in',
    'x',
    '&',
    ';',
    '[',
  ],
)
const hostile = fc.oneof(
  fc.array(pieces, { maxLength: 10 }).map((parts) => parts.join('')),
  fc.array(pieces, { maxLength: 10 }).map((parts) => `/console${parts.join('')}`),
  fc.string({ unit: 'binary' }),
  fc.webUrl(),
)

test('whatever is asked for, the way leads to a page of the console, and stays the same when it is read again', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const target = readTarget(text)
      expect(readTarget(target)).toBe(target)
      expect(target).toMatch(/^\/console([/?]|$)/)
      expect(target).toMatch(/^[\x21-\x7e]*$/)
      for (const origin of ['https://parma.example', 'http://127.0.0.1:8080']) {
        // A browser resolves a Location against the page, and a link in it as well.
        const url = new URL(target, `${origin}/console/sign-in?to=x`)
        expect(url.origin).toBe(origin)
        expect(url.pathname).toMatch(/^\/console(\/|$)/)
        expect(url.pathname).not.toMatch(/^\/console\/+sign-/)
      }
    }),
    { numRuns: 4000 },
  )
})

test('every page of the console can be asked for', () => {
  const path = fc.array(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { maxLength: 3 })
  const query = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ unit: 'grapheme', maxLength: 20 }), {
    maxKeys: 3,
  })
  fc.assert(
    fc.property(path, query, (segments, parameters) => {
      fc.pre(!segments[0]?.startsWith('sign-'))
      const search = new URLSearchParams(parameters)
      const target = ['/console', ...segments].join('/') + (search.size > 0 ? `?${search.toString()}` : '')
      expect(readTarget(target)).toBe(target)
      const asked = new URL(withTarget('/console/sign-in', target), 'https://x')
      expect(readTarget(asked.searchParams.get('to') ?? undefined)).toBe(target)
    }),
  )
})

test('the page of a form is that of its Referer', () => {
  expect(readReferer('https://parma.example/console/me?a=b')).toBe('/console/me?a=b')
  for (const other of [undefined, '', 'no address', 'https://parma.example/docs', 'https://evil.example//console'])
    expect(readReferer(other)).toBe('/console')
})
