import { createHmac } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { describe, expect, test } from 'vitest'
import { type MailFate, startMailServer } from './mail-server.ts'
import { startSendGridServer, tooManyMails } from './sendgrid-server.ts'
import { startSlackServer } from './slack-server.ts'
import { startWebhookReceiver } from './webhook-receiver.ts'

type SlackAnswer = {
  ok: boolean
  error?: string
  ts: string
  channels: { name: string }[]
  messages: { text: string }[]
} & {
  response_metadata: { next_cursor: string }
}

async function callSlack(url: string, method: string, fields: unknown, token = 'xoxb-local') {
  const headers = { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${token}` }
  const response = await fetch(url + method, { method: 'POST', headers, body: JSON.stringify(fields) })
  return { response, answer: (await response.json()) as SlackAnswer }
}

const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } })

describe('Slack', () => {
  test('refuses what the real one refuses', async () => {
    const slack = await startSlackServer({ intervalMs: 0 })
    const [channel, archived, foreign] = [
      slack.openRoom('room'),
      slack.openRoom('old', { isArchived: true }),
      slack.openRoom('foreign', { isMember: false }),
    ]
    slack.tokens.set('xoxb-old', 'token_revoked')
    const cases: [string, object][] = [
      ['channel_not_found', { channel: '#nowhere', text: 'x' }],
      ['is_archived', { channel: archived, text: 'x' }],
      ['not_in_channel', { channel: foreign, text: 'x' }],
      ['no_text', { channel }],
      ['msg_too_long', { channel, text: 'x'.repeat(40_001) }],
      ['invalid_blocks_format', { channel, blocks: 'none' }],
      ['invalid_blocks', { channel, blocks: Array(51).fill(section('x')) }],
      ['invalid_blocks', { channel, blocks: [section('x'.repeat(3001))] }],
      ['invalid_blocks', { channel, blocks: [section('')] }],
      ['msg_blocks_too_long', { channel, blocks: Array(4).fill(section('x'.repeat(2800))) }],
      [
        'invalid_blocks',
        { channel, blocks: [{ type: 'section', text: { type: 'plain_text', text: 'x', verbatim: true } }] },
      ],
      ['invalid_blocks', { channel, blocks: [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }] }],
      [
        'invalid_blocks',
        { channel, blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] },
      ],
      [
        'invalid_blocks',
        { channel, blocks: [{ type: 'context', elements: Array(11).fill({ type: 'plain_text', text: 'x' }) }] },
      ],
      ['invalid_metadata_schema', { channel, text: 'x', metadata: { event_type: 'two words', event_payload: {} } }],
      [
        'metadata_too_large',
        { channel, text: 'x', metadata: { event_type: 'e', event_payload: { x: 'x'.repeat(16_000) } } },
      ],
    ]
    for (const [error, fields] of cases)
      expect((await callSlack(slack.url, 'chat.postMessage', fields)).answer).toMatchObject({ ok: false, error })
    for (const [error, token] of [
      ['invalid_auth', 'xoxb-strange'],
      ['token_revoked', 'xoxb-old'],
    ])
      expect((await callSlack(slack.url, 'chat.postMessage', { channel, text: 'x' }, token)).answer.error).toBe(error)
    expect(slack.posts).toEqual([])
    expect(
      (await callSlack(slack.url, 'chat.postMessage', { channel: '#room', blocks: [section('x')] })).answer.ok,
    ).toBe(true)
    expect(slack.postsIn('room')).toHaveLength(1)
  })

  test('takes a message a second and channel, and so many calls a minute', async () => {
    const slack = await startSlackServer({ perMinute: { 'conversations.list': 1 } })
    const post = { channel: slack.openRoom('room'), text: 'x' }
    expect((await callSlack(slack.url, 'chat.postMessage', post)).answer.ok).toBe(true)
    const { response } = await callSlack(slack.url, 'chat.postMessage', post)
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
    const other = { channel: slack.openRoom('other'), text: 'x' }
    expect((await callSlack(slack.url, 'chat.postMessage', other)).answer.ok).toBe(true)
    expect((await callSlack(slack.url, 'conversations.list', {})).answer.ok).toBe(true)
    expect((await callSlack(slack.url, 'conversations.list', {})).response.status).toBe(429)
  })

  test('shows channels and messages page by page', async () => {
    const slack = await startSlackServer({ intervalMs: 0 })
    const names = ['a', 'b', 'c']
    const [channel] = names.map((name) => slack.openRoom(name))
    slack.openRoom('hidden', { isPrivate: true, isMember: false })
    for (const text of names) await callSlack(slack.url, 'chat.postMessage', { channel, text })
    for (const [method, pick] of [
      ['conversations.list', (answer: SlackAnswer) => answer.channels.map(({ name }) => name)],
      ['conversations.history', (answer: SlackAnswer) => answer.messages.map(({ text }) => text)],
    ] as const) {
      const { answer: first } = await callSlack(slack.url, method, { channel, limit: 2 })
      const cursor = first.response_metadata.next_cursor
      const { answer: second } = await callSlack(slack.url, method, { channel, limit: 2, cursor })
      expect([...pick(first), ...pick(second)].sort()).toEqual(names)
      expect((await callSlack(slack.url, method, { channel, cursor: 'x' })).answer.error).toBe('invalid_cursor')
    }
    expect((await callSlack(slack.url, 'conversations.history', { channel: '#a' })).answer.error).toBe(
      'channel_not_found',
    )
  })

  test('an incoming webhook answers in plain words', async () => {
    const slack = await startSlackServer({ intervalMs: 0 })
    slack.openRoom('room')
    const url = slack.openWebhook('room')
    const post = async (to: string, body: string) => {
      const response = await fetch(to, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      return [response.status, await response.text()]
    }
    expect(await post(url, JSON.stringify({ blocks: [section('x')] }))).toEqual([200, 'ok'])
    expect(await post(url, '{')).toEqual([400, 'invalid_payload'])
    expect(await post(url, '{}')).toEqual([400, 'no_text'])
    expect(await post(`${url}x`, '{"text":"x"}')).toEqual([404, 'no_service'])
    expect(slack.postsIn('room')).toHaveLength(1)
  })
})

test('SendGrid takes what its schema allows, and says what is wrong with the rest', async () => {
  const address = 'ann@example.com'
  const server = await startSendGridServer((to) => (to === 'many@example.com' ? tooManyMails(1) : 'pass'))
  const mail = {
    from: { email: 'parma@example.com' },
    personalizations: [{ to: [{ email: address }], dynamic_template_data: { notification: 'x' } }],
    template_id: `d-${'0'.repeat(32)}`,
  }
  const send = async (body: unknown, key = server.apiKey) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    const response = await fetch(`${server.url}/v3/mail/send`, { method: 'POST', headers, body: JSON.stringify(body) })
    return [response.status, await response.text(), response.headers.get('x-message-id')] as const
  }
  const [status, text, id] = await send(mail)
  expect([status, text]).toEqual([202, ''])
  expect(id).toMatch(/^\S+$/)
  expect((await send(mail, 'SG.wrong'))[0]).toBe(401)
  const to = (email: string) => ({ ...mail, personalizations: [{ to: [{ email }] }] })
  expect((await send(to('many@example.com')))[0]).toBe(429)
  for (const [field, wrong] of [
    ['personalizations', { ...mail, personalizations: [] }],
    [
      'personalizations.0',
      { ...mail, personalizations: [{ to: [{ email: address }, { email: address.toUpperCase() }] }] },
    ],
    ['personalizations.0.to.0.email', to('no address')],
    ['template_id', { ...mail, template_id: 'welcome' }],
    ['content', { ...mail, template_id: undefined, subject: 'x' }],
    ['headers', { ...mail, headers: { Subject: 'x' } }],
    ['', { ...mail, sender: 'x' }],
  ] as const) {
    const [refused, errors] = await send(wrong)
    expect(refused).toBe(400)
    expect((JSON.parse(errors) as { errors: { field: string }[] }).errors.map((error) => error.field)).toContain(field)
  }
  expect(server.mailsTo(address)).toEqual([mail])
})

test('the webhook receiver takes signed calls only, and tells a repeated one by its id', async () => {
  const receiver = await startWebhookReceiver()
  const key = Buffer.from(receiver.secret.slice('whsec_'.length), 'base64')
  const hook = '{"news":1}'
  async function send(id: string, at: number, { signedBody = hook } = {}): Promise<number> {
    const signature = createHmac('sha256', key).update(`${id}.${at}.${signedBody}`).digest('base64')
    const headers = {
      ...{ 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(at) },
      'webhook-signature': `v1,AAAA v1,${signature}`,
    }
    return (await fetch(receiver.url('/ann'), { method: 'POST', headers, body: hook })).status
  }
  const now = Math.floor(Date.now() / 1000)
  expect([await send('m1', now), await send('m1', now), await send('m2', now)]).toEqual([204, 204, 204])
  expect(await send('m3', now - 600)).toBe(400)
  expect(await send('m4', now, { signedBody: '{}' })).toBe(400)
  expect(receiver.messagesAt('/ann').map(({ id }) => id)).toEqual(['m1', 'm2'])
  expect(receiver.hooks).toHaveLength(3)
})

test.each<[MailFate, RegExp | null, number]>([
  ['accept', null, 1],
  ['refuse', /550/, 0],
  ['put-off', /451/, 0],
  ['refuse-text', /554/, 0],
  ['put-off-text', /452/, 0],
  ['cut', /closed/, 1],
])('the mail server: %s', async (fate, refusal, mails) => {
  const server = await startMailServer(() => fate)
  const sent = createTransport({ url: server.url }).sendMail({
    from: 'a@example.com',
    to: 'b@example.com',
    subject: 'x',
    text: 'y',
  })
  await (refusal ? expect(sent).rejects.toThrow(refusal) : sent)
  expect(server.mailsTo('b@example.com').map(({ subject, text }) => [subject, text.trim()])).toEqual(
    Array(mails).fill(['x', 'y']),
  )
})
