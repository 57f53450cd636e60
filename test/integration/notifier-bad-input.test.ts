import { beforeAll, describe, expect, test } from 'vitest'
import type { Fate } from '../harness/faulty-server.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type MailFate, type MailServer, startMailServer } from '../harness/mail-server.ts'
import { unique } from '../harness/mailbox.ts'
import {
  addCompany,
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  quick,
  type Reach,
  sendNews,
  settledStates,
} from '../harness/notifier/setup.ts'
import { type SlackServer, startSlackServer } from '../harness/slack-server.ts'
import { waitFor } from '../harness/wait-for.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../harness/webhook-receiver.ts'

// Destinations and texts that are wrong, with the exact number of messages that arrive there and at a good destination.
// Kills are in notifier-kill.test.ts, other kinds of channels in notifier-channels.test.ts and notifier-webhooks.test.ts.

const patience = { SEND_TIMEOUT_MS: '1500', LEASE_MS: '4000', SLACK_INTERVAL_MS: '0', BUNDLE_WINDOW_MS: '0' }

let installation: Installation
let source: number
let mailServer: MailServer
let slack: SlackServer
let receiver: WebhookReceiver
let servers: NodeJS.ProcessEnv
/** What becomes of the first mails to an address, the first posts to a channel, the first looks into a channel. */
const mailFates = new Map<string, MailFate[]>()
const postFates = new Map<string, Fate[]>()
const lookFates = new Map<string, Fate[]>()

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  mailServer = await startMailServer((address, nth) => mailFates.get(address)?.[nth] ?? 'accept')
  slack = await startSlackServer({
    intervalMs: 0,
    perMinute: {},
    decide: (method, room, nth) => (method === 'chat.postMessage' ? postFates : lookFates).get(room)?.[nth] ?? 'pass',
  })
  slack.tokens.set('xoxb-old', 'token_revoked')
  receiver = await startWebhookReceiver()
  servers = { SLACK_API_URL: slack.url, SMTP_URL: mailServer.url, SECRET_OLD: 'xoxb-old', SECRET_HOOK: receiver.secret }
  await installation.start('notifier', { ...quick, ...patience, ...servers })
})

/** A company that one person follows, by e-mail and in a channel that is there. */
async function addReached() {
  const reached = await addFollowed(installation.database)
  return { ...reached, room: slack.openRoom(reached.channel) }
}

async function deliveryTo(company: number, address: string) {
  return (await deliveriesOf(installation.database, company)).find((one) => one.address === address)
}

/** Every call that was made for a company's messages of a kind of channel, and what came of it. */
async function attemptsOf(company: number, channel: string): Promise<string[]> {
  const rows = await installation.database.query<{ attempt: string }>(
    `SELECT concat_ws(' ', action, outcome) AS attempt
     FROM notifier.attempt JOIN notifier.delivery USING (delivery_id) JOIN notifier.notification USING (notification_id)
       JOIN notifier.destination USING (destination_id)
     WHERE company_id = $1 AND channel = $2 ORDER BY attempt_id`,
    [company, channel],
  )
  return rows.map(({ attempt }) => attempt)
}

describe('a post', () => {
  test.each<[string, Fate, string[]]>([
    ['that Slack has, its answer lost, is found', 'lose-answer', ['send lost', 'find sent']],
    ['that Slack has, its answer kept back, is found', 'keep-answer', ['send lost', 'find sent']],
    ['lost on the way is posted again', 'lose-call', ['send lost', 'find retry', 'send sent']],
    ['never answered is posted again', 'hang', ['send lost', 'find retry', 'send sent']],
    ['a gateway gave up on is posted again', { status: 504 }, ['send lost', 'find retry', 'send sent']],
    [
      'answered with a page is posted again',
      { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' },
      ['send lost', 'find retry', 'send sent'],
    ],
    ['too many is posted later', { status: 429, headers: { 'retry-after': '1' } }, ['send retry', 'send sent']],
  ])('%s: 1', async (_, fate, attempts) => {
    const { company, channel, address } = await addReached()
    postFates.set(channel, [fate])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect([slack.postsIn(channel).length, mailServer.received(address)]).toEqual([1, 1])
    expect(await attemptsOf(company, 'SLACK')).toEqual(attempts)
  })

  test('is not taken for missing while Slack cannot be asked: 1', async () => {
    const { company, channel, room } = await addReached()
    postFates.set(channel, ['lose-answer'])
    const tooMany = { status: 429, headers: { 'retry-after': '1' } }
    lookFates.set(room, [tooMany, { status: 503 }, 'lose-call', { status: 200, body: '<html>' }])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(slack.postsIn(channel)).toHaveLength(1)
    expect(slack.calls('conversations.history', room)).toBe(5)
  })

  test('that is to wait for an hour waits, and only what goes to that channel: 0', async () => {
    const { company, channel, address } = await addReached()
    postFates.set(channel, Array<Fate>(100).fill({ status: 429, headers: { 'retry-after': '3600' } }))
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the mail', () => mailServer.received(address) === 1)
    await waitFor('the refusal', async () => (await attemptsOf(company, 'SLACK')).length === 1)
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the other mail', () => mailServer.received(address) === 2)
    expect([slack.calls('chat.postMessage', channel), slack.postsIn(channel).length]).toEqual([1, 0])
    const [hold] = await installation.database.query<{ minutes: number }>(
      `SELECT extract(epoch FROM free_at - now())::int / 60 AS minutes FROM notifier.destination WHERE address = $1`,
      [channel],
    )
    expect(hold?.minutes).toBeGreaterThan(55)
  })
})

describe('a mail', () => {
  test.each([
    ['cut', 'Connection closed unexpectedly'],
    ['silence', 'no answer within 1500 ms'],
  ] as const)('whose text went out before a %s is not sent again, and its state says so: 1', async (fate, reason) => {
    const { company, address, channel } = await addReached()
    mailFates.set(address, [fate])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['unknown', 'sent'])
    expect((await deliveryTo(company, address))?.reason).toContain(reason)
    expect(await attemptsOf(company, 'EMAIL')).toEqual(['send lost'])
    expect([mailServer.received(address), slack.postsIn(channel).length]).toEqual([1, 1])
  })

  test.each<[string, MailFate, string, number]>([
    ['whose recipient is put off is sent later', 'put-off', 'sent', 1],
    ['whose text is put off is sent later', 'put-off-text', 'sent', 1],
    ['that nobody answered before its text is sent again', 'hang', 'sent', 1],
    ['whose text is refused fails', 'refuse-text', 'failed', 0],
  ])('%s', async (_, fate, state, mails) => {
    const { company, address, channel } = await addReached()
    mailFates.set(address, [fate])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual([state, 'sent'])
    expect([mailServer.received(address), slack.postsIn(channel).length]).toEqual([mails, 1])
  })

  test('waits for a server that is down: 1', async () => {
    const { company, address } = await addReached()
    const before = mailServer.connections
    mailServer.isDown = true
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('three attempts', () => mailServer.connections >= before + 3)
    expect((await deliveryTo(company, address))?.state).toMatch(/pending|sending/)
    mailServer.isDown = false
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(mailServer.received(address)).toBe(1)
  })
})

describe('a destination', () => {
  const hanging = unique('hanging')
  const noMailbox = `${unique('no')}@example.com`
  const archived = unique('archived')
  beforeAll(() => {
    for (const room of [hanging, `${archived}-revoked`]) slack.openRoom(room)
    slack.openRoom(archived, { isArchived: true })
    postFates.set(hanging, Array<Fate>(1000).fill('hang'))
    mailFates.set(noMailbox, ['refuse'])
  })
  /** Wrong in itself: the ledger says why, and nothing goes there. */
  const refused = { state: 'failed', parked: false }
  const parked = { state: 'pending', parked: true }

  test.each<[string, Reach, { state: string; parked: boolean }]>([
    [
      'that is an address with a newline',
      { type: 'EMAIL', destination: 'ann@example.com\r\nBcc: all@example.com' },
      refused,
    ],
    ['that is two addresses', { type: 'EMAIL', destination: 'ann@example.com, bob@example.com' }, refused],
    ['that is no address', { type: 'EMAIL', destination: 'ann' }, refused],
    ['that is empty', { type: 'EMAIL', destination: '' }, refused],
    ['that is no channel', { type: 'SLACK', destination: '#Two Words' }, refused],
    ['that is a mailbox there is not', { type: 'EMAIL', destination: noMailbox }, parked],
    ['that is a channel there is not', { type: 'SLACK', destination: unique('nowhere') }, parked],
    ['that is an archived channel', { type: 'SLACK', destination: archived }, parked],
    ['of a revoked token', { type: 'SLACK', destination: `${archived}-revoked`, secretId: 'old' }, parked],
  ])('%s: 0, and 1 beside it', async (_, reach, { state, parked: isParked }) => {
    const { company, address, channel } = await addReached()
    await addPerson(installation.database, { name: 'Bob', companies: [company], channels: [reach] })
    const before = [slack.posts.length, mailServer.mails.length] as const
    await sendNews(installation, groupOf(company, source, 1))
    const rows = await waitFor('all three', async () => {
      const found = await installation.database.query<{
        address: string
        state: string
        parked: boolean
        reason: string
      }>(
        `SELECT t.address, d.state, d.reason, t.parked_at IS NOT NULL AS parked
         FROM notifier.delivery d JOIN notifier.destination t USING (destination_id) JOIN notifier.notification n USING (notification_id)
         WHERE n.company_id = $1 ORDER BY d.state = 'sent'`,
        [company],
      )
      expect(found.map((one) => [one.state, one.parked])).toEqual([
        [state, isParked],
        ['sent', false],
        ['sent', false],
      ])
      return found
    })
    expect(rows[0]?.reason).not.toBe(null)
    expect([slack.posts.length - before[0], mailServer.mails.length - before[1]]).toEqual([1, 1])
    expect([slack.postsIn(channel).length, mailServer.received(address)]).toEqual([1, 1])
  })

  test('that hangs: 0, and all others at once', async () => {
    const { company, address, channel } = await addReached()
    await addPerson(installation.database, {
      name: 'Bob',
      companies: [company],
      channels: [{ type: 'SLACK', destination: hanging }],
    })
    await sendNews(installation, groupOf(company, source, 3))
    await waitFor('the others', () => slack.postsIn(channel).length + mailServer.received(address) === 2)
    expect((await deliveryTo(company, hanging))?.state).toMatch(/pending|sending|unknown/)
    expect(slack.postsIn(hanging)).toEqual([])
  })
})

describe('a company', () => {
  test.each([
    ['of 10,000 characters', 'Wörd'.repeat(2500)],
    ['of markup', '<!channel> <http://evil.example|acme> *b* `c` </li><script>alert(1)</script>'],
    ['that adds headers', 'acme\r\nBcc: all@example.com\r\n\r\nbody'],
    ['that turns the text', '\u202eemca\u202c \u2067x\u2069'],
  ])('with a name %s: 1 mail, 1 post', async (_, name) => {
    const { company, address, channel } = await addReached()
    await installation.database.query('UPDATE company SET name = $1 WHERE id = $2', [name, company])
    await sendNews(installation, groupOf(company, source, 2))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    const [mail] = mailServer.mailsTo(address)
    const [post] = slack.postsIn(channel)
    expect([mailServer.mailsTo(address).length, slack.postsIn(channel).length]).toEqual([1, 1])
    expect(mail?.headers).not.toHaveProperty('bcc')
    expect(mail?.html).not.toMatch(/<script|<\/li><script/)
    expect(`${mail?.subject}${mail?.text}${JSON.stringify(post?.blocks)}`).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
    expect(mail?.subject.length).toBeLessThanOrEqual(140)
    const sections = (post?.blocks as { type: string; text?: { text: string } }[]).filter(
      ({ type }) => type === 'section',
    )
    expect(JSON.stringify(sections)).not.toMatch(/<!channel>|<http:\/\/evil/)
  })

  test('whose only follower has no channel: 0', async () => {
    const company = await addCompany(installation.database)
    await addPerson(installation.database, { companies: [company], channels: [] })
    await expectNothing(company)
  })

  test('that was deleted, subscriptions and all: 0', async () => {
    const { company, address, channel } = await addReached()
    await installation.database.query('DELETE FROM company WHERE id = $1', [company])
    await expectNothing(company)
    expect([mailServer.received(address), slack.postsIn(channel).length]).toEqual([0, 0])
  })

  async function expectNothing(company: number): Promise<void> {
    await sendNews(installation, groupOf(company, source, 1))
    const beside = await addReached()
    await sendNews(installation, groupOf(beside.company, source, 1))
    expect(await settledStates(installation.database, beside.company, 2)).toEqual(['sent', 'sent'])
    expect(await deliveriesOf(installation.database, company)).toEqual([])
  }
})

test('notifiers whose clocks are 10 minutes early and late: 1 of each, also where the answer was lost', async () => {
  const other = await createInstallation()
  const at = await addSource(other.database)
  // Shifts what a process believes the time to be.
  const clock = (ms: number) => {
    const code = `const D=Date,n=D.now;D.now=()=>n()+${ms};globalThis.Date=new Proxy(D,{construct:(t,a)=>a.length?new t(...a):new t(t.now())})`
    return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
  }
  for (const minutes of [-10, 10])
    await other.start('notifier', { ...quick, ...patience, ...servers, ...clock(minutes * 60_000) })
  const followed = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      const reached = await addFollowed(other.database)
      slack.openRoom(reached.channel)
      const hook = receiver.url(`/clock-${reached.channel}`)
      await addPerson(other.database, {
        companies: [reached.company],
        channels: [{ type: 'WEBHOOK', destination: hook, secretId: 'hook' }],
      })
      if (n % 3 === 0) postFates.set(reached.channel, ['lose-answer'])
      return { ...reached, hook }
    }),
  )
  await sendNews(
    other,
    followed.flatMap(({ company }) => groupOf(company, at, 2)),
  )
  for (const { company, address, channel, hook } of followed) {
    expect(await settledStates(other.database, company, 3)).toEqual(['sent', 'sent', 'sent'])
    const hooks = receiver.messagesAt(new URL(hook).pathname)
    expect([mailServer.received(address), slack.postsIn(channel).length, hooks.length]).toEqual([1, 1, 1])
  }
  expect(receiver.refusals).toEqual([])
})
