import { describe, expect, test } from 'vitest'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, slackPostsIn } from '../harness/mailbox.ts'
import { stackEnv } from '../harness/stack.ts'
import { waitFor } from '../harness/wait-for.ts'
import {
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  passThrough,
  sendNews,
  settledStates,
} from './notifier-setup.ts'
import { type Fate, startMailServer, startSlackProxy } from './notifier-stand-ins.ts'

/** Waits of a day in a test's time. */
const quick = {
  RETRY_FIRST_MS: '100',
  RETRY_MAX_MS: '200',
  LOOK_UP_AFTER_MS: '200',
  SEND_TIMEOUT_MS: '3000',
  LEASE_MS: '4000',
  POLL_MS: '100',
  SESSION_TIMEOUT_MS: '6000',
}

async function prepare() {
  const installation = await createInstallation()
  const source = await addSource(installation.database)
  const followed = await addFollowed(installation.database)
  return { installation, source, ...followed }
}

async function stateOf({ database }: Installation, company: number, channel: string, address?: string) {
  const rows = await deliveriesOf(database, company)
  return rows.find((one) => one.channel === channel && (address === undefined || one.address === address))
}

/** Slack lists a channel whether anybody has posted there or not; its stub from the first post on. */
async function showChannel(channel: string): Promise<void> {
  await fetch(new URL('chat.postMessage', stackEnv().SLACK_API_URL), {
    method: 'POST',
    headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
    body: JSON.stringify({ channel: `#${channel}`, text: 'hello' }),
  })
}

async function newsPostsIn(channel: string) {
  return (await slackPostsIn(channel)).filter(({ metadata }) => metadata)
}

describe('kill -9 between send and mark', () => {
  test('an e-mail is not sent again, and its state says that nobody knows', async () => {
    const { installation, source, company, address } = await prepare()
    const dying = await startMailServer({ afterText: 'silence' })
    const first = await installation.start('notifier', { ...quick, SMTP_URL: dying.url })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the mail server to have the mail', () => dying.received() === 1)
    expect(await stateOf(installation, company, 'EMAIL')).toMatchObject({ state: 'sending' })
    await first.kill()

    await installation.start('notifier', quick)
    await waitFor('the verdict', async () => (await stateOf(installation, company, 'EMAIL'))?.state === 'unknown')
    await passThrough(installation, source)
    expect(await stateOf(installation, company, 'EMAIL')).toMatchObject({
      state: 'unknown',
      reason: 'the notifier ended before the answer came',
    })
    expect(dying.received()).toBe(1)
    expect(await mailsTo(address)).toEqual([])
  })

  test('an e-mail is sent again where that is wanted', async () => {
    const { installation, source, company, address } = await prepare()
    const dying = await startMailServer({ afterText: 'silence' })
    const first = await installation.start('notifier', { ...quick, SMTP_URL: dying.url })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the mail server to have the mail', () => dying.received() === 1)
    await first.kill()
    await installation.start('notifier', { ...quick, EMAIL_RESEND_UNKNOWN: 'true' })
    await waitFor('the second mail', async () => (await mailsTo(address)).length === 1)
  })

  test.each<[string, Fate, number]>([
    ['has the post, it is not posted again', 'keep-answer', 1],
    ['has nothing, it is posted', 'hang', 0],
  ])('Slack is asked: when it %s', async (_, fate, postsBefore) => {
    const { installation, source, company, channel } = await prepare()
    const proxy = await startSlackProxy(stackEnv().SLACK_API_URL ?? '', () => fate)
    const first = await installation.start('notifier', { ...quick, SLACK_API_URL: proxy.url })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor(
      'the call',
      async () => proxy.calls.length === 1 && (await slackPostsIn(channel)).length === postsBefore,
    )
    await waitFor('the mail', async () => (await stateOf(installation, company, 'EMAIL'))?.state === 'sent')
    expect(await stateOf(installation, company, 'SLACK')).toMatchObject({ state: 'sending' })
    await first.kill()

    await showChannel(channel)
    await installation.start('notifier', quick)
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await newsPostsIn(channel)).toHaveLength(1)
  })
})

describe('a lost answer', () => {
  test.each<[string, Fate, string[]]>([
    [
      'taken, the answer lost: found',
      'lose-answer',
      ['chat.postMessage', 'conversations.list', 'conversations.history'],
    ],
    [
      'lost on the way: sent again',
      'lose-call',
      ['chat.postMessage', 'conversations.list', 'conversations.history', 'chat.postMessage'],
    ],
    [
      'never answered: sent again',
      'hang',
      ['chat.postMessage', 'conversations.list', 'conversations.history', 'chat.postMessage'],
    ],
    [
      'a gateway’s 504: sent again',
      { status: 504 },
      ['chat.postMessage', 'conversations.list', 'conversations.history', 'chat.postMessage'],
    ],
    [
      'a 429: sent again after a while',
      { status: 429, headers: { 'retry-after': '1' } },
      ['chat.postMessage', 'chat.postMessage'],
    ],
  ])('of Slack, %s', async (_, fate, calls) => {
    const { installation, source, company, channel } = await prepare()
    await showChannel(channel)
    const proxy = await startSlackProxy(stackEnv().SLACK_API_URL ?? '', (method, nth) =>
      method === 'chat.postMessage' && nth === 0 ? fate : 'pass',
    )
    await installation.start('notifier', { ...quick, SEND_TIMEOUT_MS: '1000', SLACK_API_URL: proxy.url })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await newsPostsIn(channel)).toHaveLength(1)
    expect(proxy.calls).toEqual(calls)
  })

  test('of Slack is not taken for a missing post while Slack cannot be asked', async () => {
    const { installation, source, company, channel } = await prepare()
    const troubles: Fate[] = [
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 503 },
      'lose-call',
      { status: 200, body: '<html>' },
    ]
    const proxy = await startSlackProxy(stackEnv().SLACK_API_URL ?? '', (method, nth) => {
      if (method === 'chat.postMessage') return 'lose-answer'
      return method === 'conversations.history' ? (troubles[nth] ?? 'pass') : 'pass'
    })
    await installation.start('notifier', { ...quick, SLACK_API_URL: proxy.url })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await slackPostsIn(channel)).toHaveLength(1)
    expect(proxy.calls.filter((method) => method === 'conversations.history')).toHaveLength(5)
  })

  test.each([
    ['cut', 'Connection closed unexpectedly'],
    ['silence', 'no answer within'],
  ] as const)('of a mail server after the text (%s) leaves the mail unknown', async (afterText, reason) => {
    const { installation, source, company } = await prepare()
    const server = await startMailServer({ afterText })
    await installation.start('notifier', { ...quick, SEND_TIMEOUT_MS: '1000', SMTP_URL: server.url })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['unknown', 'sent'])
    expect(await stateOf(installation, company, 'EMAIL')).toMatchObject({
      reason: expect.stringContaining(reason) as string,
    })
    expect(server.received()).toBe(1)
  })
})

describe('a destination that fails', () => {
  test('for good, or hangs, costs the others nothing', async () => {
    const { installation, source, company, address, channel } = await prepare()
    const { database } = installation
    const channels = ['gone', 'hangs'].map((destination) => ({ type: 'SLACK' as const, destination }))
    await addPerson(database, {
      name: 'Bob',
      companies: [company],
      channels: [...channels, { type: 'EMAIL', destination: `no-${address}` }],
    })
    const refusal = {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{"ok":false,"error":"channel_not_found"}',
    }
    const proxy = await startSlackProxy(stackEnv().SLACK_API_URL ?? '', (_, __, body) =>
      body.includes('channel=%23gone') ? refusal : body.includes('channel=%23hangs') ? 'hang' : 'pass',
    )
    const server = await startMailServer({
      recipient: (line) => (line.includes('no-') ? '550 no such user' : '250 ok'),
    })
    await installation.start('notifier', { ...quick, SLACK_API_URL: proxy.url, SMTP_URL: server.url })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the others', async () => server.received() === 1 && (await newsPostsIn(channel)).length === 1)
    expect(await stateOf(installation, company, 'SLACK', 'hangs')).toMatchObject({ state: 'sending' })
    expect(await stateOf(installation, company, 'SLACK', 'gone')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('channel_not_found') as string,
    })
    expect(await stateOf(installation, company, 'EMAIL', `no-${address}`)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('550 no such user') as string,
    })
  })

  test.each([
    ['is down', { greeting: 'cut' }],
    ['greylists', { recipient: () => '451 come back later' }],
  ])('for a while (%s) gets its message later, once', async (_, script) => {
    const { installation, source, company, address } = await prepare()
    const server = await startMailServer(script)
    const first = await installation.start('notifier', { ...quick, SMTP_URL: server.url })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('three attempts', () => server.connections() >= 3)
    expect(await stateOf(installation, company, 'EMAIL')).toMatchObject({
      state: expect.stringMatching(/pending|sending/) as string,
    })
    await first.stop()
    await installation.start('notifier', quick)
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await mailsTo(address)).toHaveLength(1)
  })
})

test('three replicas, one of them killed, send each message once', async () => {
  const { installation, source } = await prepare()
  const [first] = await Promise.all([0, 1, 2].map(() => installation.start('notifier', quick)))
  const followed = await Promise.all(Array.from({ length: 40 }, () => addFollowed(installation.database)))
  const groups = followed.map(({ company }) => groupOf(company, source, 3))
  await sendNews(installation, groups.flat())
  await waitFor('the first mails', async () => (await mailsTo(followed[0]!.address)).length === 1)
  await first!.kill()
  await sendNews(installation, groups.flat())
  for (const { company } of followed) await settledStates(installation.database, company, 2)
  for (const { company, address, channel } of followed) {
    const [email] = await deliveriesOf(installation.database, company)
    const mails = await mailsTo(address)
    // The killed one may have been in the middle of a call, which leaves that mail for a person to decide.
    expect([
      ['sent', 1],
      ['unknown', 0],
      ['unknown', 1],
    ]).toContainEqual([email?.state, mails.length])
    expect(await newsPostsIn(channel)).toHaveLength(1)
  }
})
