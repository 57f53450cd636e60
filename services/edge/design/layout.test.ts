import { expect, test } from 'vitest'
import { assetPath, findAsset } from './assets.ts'
import { html } from './html.ts'
import { invalidLinkPage, messagePage, showPage } from './layout.ts'

const viewer = { name: '<Ann>' }

test('a page may load and send to its own origin only, and has no inline style or script', () => {
  const { headers, body } = showPage({ title: 'a', main: 'b', viewer })
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'self'; script-src 'self';/)
  expect(headers['content-security-policy']).toContain("form-action 'self'")
  expect(String(body)).not.toMatch(/<style|<script(?! src=)| style=| on[a-z]+=/)
})

test('who is signed in sees where they are; others see no navigation', () => {
  const page = String(showPage({ title: '<b>', main: html`<p>x</p>`, viewer, section: 'me', zone: 'Asia/Tokyo' }).body)
  expect(page).toContain('<a href="/console/me" aria-current="page">My page</a>')
  expect(page.match(/aria-current/g)).toHaveLength(1)
  expect(page).toContain('&lt;Ann&gt;')
  expect(page).toContain('<h1 dir="auto">&lt;b&gt;</h1>')
  expect(page.match(/Asia\/Tokyo/g)).toHaveLength(1)
  expect(String(messagePage(404, 'Gone', 'It is gone.').body)).not.toContain('<nav')
})

test('a page behind a folder of a proxy finds its files', () => {
  const { status, body } = invalidLinkPage('../../')
  expect([status, String(body)]).toEqual([403, expect.stringContaining(`href="../../${assetPath('style')}"`)])
})

test('a file is kept for good by its name; one of another version is not kept', () => {
  const file = assetPath('style').replace('assets/', '')
  expect(findAsset(file).headers['cache-control']).toContain('immutable')
  expect(String(findAsset(file).body)).toContain('.chart-line')
  const other = findAsset('style.0000.css')
  expect([other.headers['cache-control'], other.body]).toEqual(['no-store', findAsset(file).body])
  expect(() => findAsset('style.0000.js')).toThrow('Not Found')
})

test('every form that is sent carries the token of the session of its page, and no other does', () => {
  const main = html`<form method="post" action="/a"></form><form class="x" method="post"></form><form action="/s"></form>${'<form method="post">'}`
  const bodyOf = (formToken?: string) =>
    String(showPage({ title: 'T', main, viewer: { name: 'Ann', ...(formToken !== undefined && { formToken }) } }).body)
  // The third is that of signing out.
  expect(
    bodyOf('t"').match(/<form[^>]*method="post"[^>]*><input type="hidden" name="form_token" value="t&quot;">/g),
  ).toHaveLength(3)
  expect(bodyOf()).not.toContain('form_token')
})
