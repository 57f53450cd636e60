import type { NewsFacts, OpsFacts, WebhookBody, WebhookType } from './webhooks.ts'

const timestamp = '2026-11-26T07:00:00.000Z'
const newsId = '3f1f0c9e-2a54-5c1b-9e53-0f6f1b1c2d3e'
const why = `https://parma.example/why/${newsId}?until=1798268400&signature=s9Qk`

const newsFacts: NewsFacts = {
  news_id: newsId,
  event_id: '6a0d2b1c-7f0e-5d3a-8a55-1c2d3e4f5a6b',
  kind: 'threshold',
  company_id: 7,
  data_source_id: 2,
  source_measurement_id: 31,
  subject_key: 'https://github.com/acme',
  item_key: null,
  previous: '100',
  current: '150',
  percent: 50,
  score: 0.97,
  importance: 0.6,
  observed_at: timestamp,
  rule: null,
  why,
}

const newsLine = {
  severity: 'warning',
  title: 'Stars rose',
  details: ['Stars rose from 100 to 150.'],
  link: why,
  facts: newsFacts,
}

const opsFacts: OpsFacts = {
  event_id: '0b4f7f6a-91c2-5f0e-b7d8-2f3a4b5c6d7e',
  kind: 'source-down',
  service: 'scheduler',
  subject: 'github',
  resolved: false,
  at: timestamp,
}

/** A body of each type, as a receiver gets it. */
export const webhookExamples: { [T in WebhookType]: Extract<WebhookBody, { type: T }> } = {
  'parma.news': {
    type: 'parma.news',
    timestamp,
    data: {
      subject: 'acme: Stars rose',
      about: { kind: 'company', name: 'acme' },
      context: 'github, seen 26 November 2026, 07:00 UTC',
      lines: [{ heading: null, ...newsLine }],
      rest: '',
      why: 'You get this because Ann follows acme.',
      trace: `Event ${newsFacts.event_id}`,
    },
  },
  'parma.digest': {
    type: 'parma.digest',
    timestamp,
    data: {
      subject: 'Your weekly report: 1 news item about acme',
      about: { kind: 'company', name: 'acme' },
      context: '19 November 2026, 07:00 UTC to 26 November 2026, 07:00 UTC',
      lines: [{ heading: 'acme', ...newsLine }],
      rest: '',
      why: 'You get this because Ann follows acme.',
      trace: '',
    },
  },
  'parma.ops': {
    type: 'parma.ops',
    timestamp,
    data: {
      subject: 'Operations: github, source-down',
      about: { kind: 'operations', name: 'operations' },
      context: '1 open, 0 resolved, as of 26 November 2026, 07:00 UTC',
      lines: [
        {
          heading: null,
          severity: 'info',
          title: 'source-down: github',
          details: ['The source github does not answer.', 'scheduler, 26 November 2026, 07:00 UTC'],
          link: null,
          facts: opsFacts,
        },
      ],
      rest: '',
      why: 'You get this because Root is an administrator.',
      trace: '',
    },
  },
  'parma.test': {
    type: 'parma.test',
    timestamp,
    data: {
      subject: 'Test message from parma-analytics',
      about: { kind: 'test', name: 'https://example.com/hooks' },
      context: 'parma-analytics',
      lines: [
        {
          heading: null,
          severity: 'info',
          title: 'Messages to https://example.com/hooks arrive',
          details: ['Someone is testing this channel. There is nothing to do.'],
          link: null,
          facts: null,
        },
      ],
      rest: '',
      why: 'You get this because someone is testing this channel.',
      trace: '',
    },
  },
}
