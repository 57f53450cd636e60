import { expect, test } from 'vitest'
import { heardMain } from './heard-page.ts'

const item = { news_id: 'n1', title: '<Stars>', company: 'Acme', created_at: '2026-11-28T10:00:00.000Z', silent: true }
const show = (changes: Partial<Parameters<typeof heardMain>[0]>) =>
  String(heardMain({ q: '', found: [], zone: 'UTC', isPerson: true, ...changes }))

test('a news item leads to the part of its page that says who heard of it', () => {
  const page = show({ q: '"a"', found: [item] })
  expect(page).toContain('<a href="/console/why/n1#heard"><bdi>&lt;Stars&gt;</bdi></a>')
  expect(page).toContain('value="&quot;a&quot;"')
  expect(page).toContain('silent')
})

test('where there is none, it says why, and what to do', () => {
  expect(show({ q: 'x' })).toContain('No such news item')
  expect(show({})).toContain('href="/console/me#follow"')
  expect(show({ isPerson: false })).toContain('at any company')
})
