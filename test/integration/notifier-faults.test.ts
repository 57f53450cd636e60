import { beforeAll, describe, expect, test } from 'vitest'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { stackEnv } from '../harness/stack.ts'
import { waitFor } from '../harness/wait-for.ts'
import {
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  newsPostsIn,
  sendNews,
  settledStates,
  showChannel,
} from './notifier-setup.ts'
import { type Fate, type MailFate, type MailServer, startMailServer, startSlackProxy } from './notifier-stand-ins.ts'

const quick = { RETRY_FIRST_MS: '100', RETRY_MAX_MS: '200', LOOK_UP_AFTER_MS: '200', POLL_MS: '100' }

let installation: Installation
let source: number
let mailServer: MailServer
let calls: (method: string, channel: string) => number
/** What becomes of the first mails to an address, the first posts to a channel, the first looks into a channel. */
const mailFates = new Map<string, MailFate[]>()
const postFates = new Map<string, Fate[]>()
const lookFates = new Map<string, Fate[]>()

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  mailServer = await startMailServer((address, nth) => mailFates.get(address)?.[nth] ?? 'accept')
  const proxy = await startSlackProxy(stackEnv().SLACK_API_URL ?? '', (method, channel, nth) => {
    const fates = method === 'chat.postMessage' ? postFates : lookFates
    return fates.get(channel)?.[nth] ?? 'pass'
  })
  calls = proxy.calls
  const servers = { SLACK_API_URL: proxy.url, SMTP_URL: mailServer.url }
  await installation.start('notifier', { ...quick, ...servers, SEND_TIMEOUT_MS: '1500', LEASE_MS: '4000' })
})

async function deliveryTo(company: number, address: string) {
  return (await deliveriesOf(installation.database, company)).find((one) => one.address === address)
}

/** Those of the destinations that are parked, with the reason. */
function parkedOf(...addresses: string[]) {
  return installation.database.query<{ address: string; parked_reason: string }>(
    'SELECT address, parked_reason FROM notifier.destination WHERE address = ANY($1) AND parked_at IS NOT NULL ORDER BY 1',
    [addresses],
  )
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
    ['lost on the way is posted again', 'lose-call', ['send lost', 'find retry', 'send sent']],
    ['never answered is posted again', 'hang', ['send lost', 'find retry', 'send sent']],
    ['a gateway gave up on is posted again', { status: 504 }, ['send lost', 'find retry', 'send sent']],
    ['too many is posted later', { status: 429, headers: { 'retry-after': '1' } }, ['send retry', 'send sent']],
  ])('%s', async (_, fate, attempts) => {
    const { company, channel } = await addFollowed(installation.database)
    await showChannel(channel)
    postFates.set(channel, [fate])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await newsPostsIn(channel)).toHaveLength(1)
    expect(await attemptsOf(company, 'SLACK')).toEqual(attempts)
  })

  test('is not taken for missing while Slack cannot be asked', async () => {
    const { company, channel } = await addFollowed(installation.database)
    const id = await showChannel(channel)
    postFates.set(channel, ['lose-answer'])
    const tooMany = { status: 429, headers: { 'retry-after': '1' } }
    lookFates.set(id, [tooMany, { status: 503 }, 'lose-call', { status: 200, body: '<html>' }])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await newsPostsIn(channel)).toHaveLength(1)
    expect(calls('conversations.history', id)).toBe(5)
  })
})

describe('a mail', () => {
  test.each([
    ['cut', 'Connection closed unexpectedly'],
    ['silence', 'no answer within 1500 ms'],
  ] as const)('whose text went out before a %s is not sent again, and its state says so', async (fate, reason) => {
    const { company, address } = await addFollowed(installation.database)
    mailFates.set(address, [fate])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['unknown', 'sent'])
    expect((await deliveryTo(company, address))?.reason).toContain(reason)
    expect(await attemptsOf(company, 'EMAIL')).toEqual(['send lost'])
    expect(mailServer.received(address)).toBe(1)
  })

  test('put off by the server is sent later', async () => {
    const { company, address } = await addFollowed(installation.database)
    mailFates.set(address, ['put-off', 'put-off'])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await attemptsOf(company, 'EMAIL')).toEqual(['send retry', 'send retry', 'send sent'])
    expect(mailServer.received(address)).toBe(1)
  })

  test('waits for a server that is down', async () => {
    const { company, address } = await addFollowed(installation.database)
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

test('a destination that hangs or refuses costs the others nothing', async () => {
  const { company, address, channel } = await addFollowed(installation.database)
  const wrong = `no-${address}`
  const [gone, hanging] = [`gone-${channel}`, `hanging-${channel}`]
  const channels = [gone, hanging].map((destination) => ({ type: 'SLACK' as const, destination }))
  await addPerson(installation.database, {
    name: 'Bob',
    companies: [company],
    channels: [...channels, { type: 'EMAIL', destination: wrong }],
  })
  mailFates.set(wrong, ['refuse'])
  postFates.set(gone, [{ status: 200, body: '{"ok":false,"error":"channel_not_found"}' }])
  postFates.set(hanging, Array<Fate>(1000).fill('hang'))
  await sendNews(installation, groupOf(company, source, 1))
  await waitFor('the others', async () => {
    for (const there of [address, channel]) expect(await deliveryTo(company, there)).toMatchObject({ state: 'sent' })
    return (await parkedOf(wrong, gone)).length === 2
  })
  expect((await deliveryTo(company, hanging))?.state).toMatch(/sending|unknown/)
  for (const [there, reason] of [
    [wrong, '550 no such user'],
    [gone, 'channel_not_found'],
  ] as const)
    expect(await deliveryTo(company, there)).toMatchObject({
      state: 'pending',
      is_due: true,
      reason: expect.stringContaining(reason),
    })
  expect(mailServer.received(address)).toBe(1)
  expect(await newsPostsIn(channel)).toHaveLength(1)
})
