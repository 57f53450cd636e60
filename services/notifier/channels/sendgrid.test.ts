import { describe, expect, test } from 'vitest'
import type { Delivery } from './channel.ts'
import { composeRequest, judgeSendGridAnswer } from './sendgrid.ts'

const config = {
  EMAIL_FROM: 'parma@example.com',
  SENDGRID_NOTIFICATION_TEMPLATE_ID: 'd-notification',
  SENDGRID_REPORT_TEMPLATE_ID: 'd-report',
}
const line = { mark: '', title: 'Stars of <script> & co rose', details: ['It was 1.'] }
const message = { context: 'npm', rest: '', topic: { kind: 'company', name: 'acme' }, trace: '' } as const
const delivery: Delivery = {
  ...{
    deliveryId: 7,
    notificationId: '11111111-1111-4111-8111-111111111111',
    kind: 'news',
    createdAt: 0,
    claimedAt: 0,
  },
  ...{ address: 'ann@example.com', secretId: null, why: 'Because.', actor: null, follows: null, linksUntil: 0 },
  message: { ...message, subject: 'acme: Stars rose', lines: [line] },
}

describe('composeRequest', () => {
  test('an alert is a text for the template of notifications', () => {
    const text = 'acme: Stars rose\n\nStars of ‹script› & co rose\n\nIt was 1.\n\nnpm\n\nBecause.\n'
    expect(composeRequest(config, delivery)).toEqual({
      from: { email: 'parma@example.com' },
      personalizations: [{ to: [{ email: 'ann@example.com' }], dynamic_template_data: { notification: text } }],
      template_id: 'd-notification',
    })
  })

  test('says how to end them where links are set up', () => {
    const links = { ...config, PUBLIC_URL: 'https://parma.example', LINK_SECRET: 's'.repeat(32) }
    const [{ headers, dynamic_template_data: data } = {}] = composeRequest(links, delivery).personalizations
    expect(headers).toEqual({
      'List-Unsubscribe': expect.stringMatching(/^<https:\/\/parma\.example\/unsubscribe\/\S+>$/) as string,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    })
    expect(data).toEqual({ notification: expect.stringContaining('Unsubscribe: https://parma.example/') as string })
  })

  test('a digest is HTML for the template of reports, escaped', () => {
    const lines = [{ ...line, heading: 'acme & sons' }]
    const request = composeRequest(config, { ...delivery, kind: 'digest', message: { ...delivery.message, lines } })
    expect(request.template_id).toBe('d-report')
    expect(request.personalizations[0]?.dynamic_template_data).toEqual({
      message: expect.stringMatching(
        /acme &amp; sons.*<ul><li>Stars of &lt;script&gt; &amp; co rose<br>It was 1\.<\/li><\/ul>$/s,
      ),
    })
  })

  test('a digest that leaves news out says how many', () => {
    const message = { ...delivery.message, lines: [{ ...line, heading: 'acme' }], rest: '… and 3 more.' }
    const [{ dynamic_template_data: data } = {}] = composeRequest(config, {
      ...delivery,
      kind: 'digest',
      message,
    }).personalizations
    expect(data).toEqual({ message: expect.stringMatching(/<\/ul>\n<p>… and 3 more\.<\/p>$/) as string })
  })
})

test.each<[number, Record<string, string>, object]>([
  [202, { 'x-message-id': 'm1' }, { kind: 'sent', reference: 'm1' }],
  [429, { 'x-ratelimit-reset': '1030' }, { kind: 'retry', afterMs: 30_000 }],
  [429, { 'retry-after': '7' }, { kind: 'retry', afterMs: 7000 }],
  [429, {}, { kind: 'retry', afterMs: 60_000 }],
  [401, {}, { kind: 'retry' }],
  [403, {}, { kind: 'retry' }],
  [400, {}, { kind: 'refused', concerns: 'message' }],
  [413, {}, { kind: 'refused', concerns: 'message' }],
  [500, {}, { kind: 'lost' }],
  [503, {}, { kind: 'lost' }],
  [200, {}, { kind: 'lost' }],
  [302, {}, { kind: 'lost' }],
])('%s %j', (status, headers, expected) => {
  expect(judgeSendGridAnswer({ status, headers, body: Buffer.from('{}') }, 1_000_000)).toMatchObject(expected)
})
