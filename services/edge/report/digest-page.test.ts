import { expect, test } from 'vitest'
import { digestPage, expiredReportPage, foreignReportPage } from './digest-page.ts'
import type { DigestLine, StoredDigest } from './read-digest.ts'

const line: DigestLine = { mark: 'warning', title: 'stars rose', details: ['From 100 to 150.'] }
const digestOf = (...lines: DigestLine[]): StoredDigest => ({
  user_id: 1,
  message: { subject: 'Your weekly report', context: '16 to 23 November', lines, rest: '… and 3 more.' },
})
const bodyOf = (...lines: DigestLine[]) => String(digestPage(digestOf(...lines), null).body)
const points = Array.from({ length: 5 }, (_, day): [number, number] => [Date.UTC(2026, 10, day + 1), 100 + day])

test('has headings, lines, what is left out, and links', () => {
  const body = bodyOf({ ...line, heading: 'acme', link: 'https://parma.example/why/1?until=2&signature=x' })
  expect(body).toContain('<h2 dir="auto">acme</h2>')
  expect(body.replaceAll(/\s+/g, ' ')).toContain('Warning</span> stars rose</h3> <p dir="auto">From 100 to 150.</p>')
  expect(body).toContain('href="https://parma.example/why/1?until=2&amp;signature=x"')
  expect(body).toContain('<p>… and 3 more.</p>')
})

test('says what is said once, where the digest has it', () => {
  const story = { name: 'acme', sentence: 'Stars rose 50% to 150.', more: ['Highest since May.'] }
  const body = bodyOf({ ...line, isGood: true, story })
  expect(body).toContain('<h3 dir="auto">acme: Stars rose 50% to 150.</h3>')
  expect(body).toContain('Highest since May.')
  expect(body).not.toContain('From 100 to 150.')
})

test('draws at most 20 pictures, and none of what cannot be drawn', () => {
  const chart = { title: 'acme: stars', mark: 'rose', points }
  const count = (lines: DigestLine[]) => bodyOf(...lines).split('<figure>').length - 1
  expect(
    count(
      Array(25)
        .fill(null)
        .map(() => ({ ...line, chart })),
    ),
  ).toBe(20)
  expect(
    count([
      { ...line, chart: { ...chart, points: [] } },
      { ...line, chart: { ...chart, points: [[9e15, 1]] } },
    ]),
  ).toBe(0)
})

test('texts of any content are text', () => {
  const odd = `<script>alert(1)</script>"'&`
  const story = { name: odd, sentence: odd, more: [odd] }
  const body = bodyOf({ ...line, heading: odd, mark: odd, title: odd, story, chart: { title: odd, mark: odd, points } })
  expect(body).not.toContain('<script>alert')
})

test('those who have no good link learn what to do', () => {
  for (const page of [expiredReportPage(), foreignReportPage(null)]) {
    expect(String(page.body)).toContain('href="/console/sign-in"')
    expect(page.status).toBeGreaterThan(400)
  }
})
