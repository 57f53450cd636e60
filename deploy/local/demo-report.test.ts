import { describe, expect, it } from 'vitest'
import { type DemoStatus, findWhyLink, listBroken, renderReport } from './demo-report.ts'

const whole: DemoStatus = {
  services: [{ service: 'normalizer', state: 'ready', detail: '', lag: 0 }],
  sources: [{ source: 'npm', last_run: { status: 'SUCCESS', ended_at: '2026-01-01' } }],
  pipeline: {
    ...{
      fed: 30,
      normalized: 29,
      refused: 1,
      judged: 29,
      dead_letters: 0,
      refused_values: 2,
      news: 12,
      silent_news: 300,
    },
    values: { int: 2000, text: 140 },
    messages: { sent: 12 },
  },
  latest: {
    ...{ news_id: 'a1b2', title: 'Weekly downloads of express rose a lot', message: 'word '.repeat(40).trim() },
    ...{ previous: '1', current: '2', company: 'express', measurement: 'weekly downloads', path: 'downloads.weekly' },
    ...{
      map_version: 1,
      task_id: 3,
      event_id: '0b8c5ee1-9d29-5a4c-9a39-6a1b7a2c0f5d',
      document: 'mining/npm/raw_data/x',
    },
    ...{ received_at: '2026-01-01T00:00:00Z', sent_at: '2026-01-01T00:00:01.5Z' },
  },
}
const links = { why: 'http://e/why/a1b2', signIn: 'http://e/console/sign-in/link/1' }
const env = { EDGE_URL: 'http://e', MAILBOX_URL: 'http://m', SLACK_OUTBOX_URL: 'http://s' }

describe('the report', () => {
  it('fits a terminal of 80 columns', () => {
    const tooLong = renderReport(whole, env, links)
      .split('\n')
      .filter((line) => line.length > 80)
    expect(tooLong).toEqual([])
  })

  it('names every address, and the link of the alert where there is one', () => {
    for (const address of ['http://m\n', 'http://s\n', 'http://e/docs\n', `${links.why}\n`, `${links.signIn}\n`])
      expect(renderReport(whole, env, links)).toContain(address)
    expect(renderReport(whole, env, { ...links, why: null })).not.toContain('why this alert')
  })

  it('has no characters that a terminal would obey', () => {
    const hostile = { ...whole.latest!, title: 'a\u001b[2J\u202e', measurement: 'x\u009bm' }
    const text = renderReport({ ...whole, latest: hostile }, env, links)
    expect(text).toContain('  a\\u001b[2J\\u202e\n')
    expect(text).toContain('x\\u009bm of express')
  })

  it('does without an alert', () => {
    expect(renderReport({ ...whole, latest: null }, env, links)).not.toContain('Newest alert')
  })
})

it('finds the link that a reader got, of this news item and no other', () => {
  const mails = ['x', 'Why: http://e/why/other?s=1', 'Why: http://e/why/a1b2?s=2\nend'].map((text) => ({ text }))
  expect(findWhyLink(mails, 'a1b2')).toBe('http://e/why/a1b2?s=2')
  expect(findWhyLink(mails, 'none')).toBeNull()
})

describe('what is missing', () => {
  const { pipeline } = whole

  it('is nothing when all has arrived', () => expect(listBroken(whole)).toEqual([]))

  it.each<[string, Partial<DemoStatus>]>([
    [
      'normalizer is starting (soon)',
      { services: [{ service: 'normalizer', state: 'starting', detail: 'soon', lag: 0 }] },
    ],
    ['normalizer is 2 records behind', { services: [{ service: 'normalizer', state: 'ready', detail: '', lag: 2 }] }],
    ["the module's run is RUNNING", { sources: [{ source: 'npm', last_run: { status: 'RUNNING', ended_at: null } }] }],
    ["the module's run is not planned", { sources: [] }],
    ['31 payloads arrived, 29 were understood, 1 refused', { pipeline: { ...pipeline, fed: 31 } }],
    ['29 payloads were understood, 28 judged', { pipeline: { ...pipeline, judged: 28 } }],
    ['1 dead letters: see the topics that end in .dlq', { pipeline: { ...pipeline, dead_letters: 1 } }],
    ['messages on their way: 1 pending', { pipeline: { ...pipeline, messages: { sent: 3, pending: 1 } } }],
    ['no message has been delivered', { latest: null }],
  ])('%s', (text, part) => {
    expect(listBroken({ ...whole, ...part })).toEqual([text])
  })
})
