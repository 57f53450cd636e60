import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { commands } from '../../services/notifier/commands.ts'
import { encryptSecret, parseSecretKeys } from '../../services/notifier/channels/encrypt-secret.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type SendGridServer, startSendGridServer, tooManyMails } from '../harness/sendgrid-server.ts'
import type { Fate } from '../harness/faulty-server.ts'
import { runCommand } from '../harness/run-command.ts'
import { type SecretManager, startSecretManager } from '../harness/secret-manager.ts'
import { type SlackServer, startSlackServer } from '../harness/slack-server.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../harness/webhook-receiver.ts'
import {
  addCompany,
  addFollowed,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  type Reach,
  sendNews,
  settledStates,
} from '../harness/notifier/setup.ts'
import { unique } from '../harness/mailbox.ts'

const quick = {
  RETRY_FIRST_MS: '100',
  RETRY_MAX_MS: '200',
  LOOK_UP_AFTER_MS: '200',
  POLL_MS: '100',
  OPS_WINDOW_MS: '0',
}

let installation: Installation
let source: number
let slack: SlackServer
let sendGrid: SendGridServer
let receiver: WebhookReceiver
let manager: SecretManager
let notifier: StartedService
let secretsDir: string
const keyOfSecrets = randomBytes(32).toString('base64')
/** What becomes of the first mails to an address, of the first posts to a Slack channel, of the first calls of a webhook. */
const mailFates = new Map<string, Fate[]>()
const postFates = new Map<string, Fate[]>()
const hookFates = new Map<string, Fate[]>()

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  vi.stubEnv('DATABASE_URL', installation.database.url)
  onCleanup(() => void vi.unstubAllEnvs())
  secretsDir = mkdtempSync(join(tmpdir(), 'parma-secrets-'))
  onCleanup(() => rmSync(secretsDir, { recursive: true }))
  slack = await startSlackServer({ intervalMs: 0, decide: (_, room, nth) => postFates.get(room)?.[nth] ?? 'pass' })
  sendGrid = await startSendGridServer((address, nth) => mailFates.get(address)?.[nth] ?? 'pass')
  receiver = await startWebhookReceiver((path, nth) => hookFates.get(path)?.[nth] ?? 'pass')
  manager = await startSecretManager()
  notifier = await installation.start('notifier', {
    ...quick,
    BUNDLE_WINDOW_MS: '0',
    ...{ SEND_TIMEOUT_MS: '1500', LEASE_MS: '4000', SLACK_INTERVAL_MS: '0' },
    ...{ SLACK_API_URL: slack.url, SLACK_WEBHOOK_URL: new URL('/services/', slack.url).href },
    ...{ SMTP_URL: '', SENDGRID_API_URL: sendGrid.url, SENDGRID_API_KEY: sendGrid.apiKey, ...templates },
    ...{
      TROUBLE_AFTER_MS: '0',
      SENDGRID_FROM_EMAIL: 'parma@example.com',
      SECRETS_DIR: secretsDir,
      SECRETS_KEYS: `k1:${keyOfSecrets}`,
    },
    ...{ SECRET_FROM_THE_ENVIRONMENT: receiver.secret, ...manager.env },
  })
})

/** A secret for the notifier to find, under a name of its own. */
function addSecret(secret: string): string {
  const name = unique('secret')
  writeFileSync(join(secretsDir, name), `${secret}\n`)
  return name
}

/** A company that one person follows, by the channels alone. */
async function addHeard(...channels: Reach[]): Promise<number> {
  const company = await addCompany(installation.database)
  await addPerson(installation.database, { companies: [company], channels })
  return company
}

/** How the one message about a company stands, once nothing more will be done about it. */
async function outcomeOf(company: number): Promise<string> {
  return waitFor(`the message about company ${company}`, async () => {
    const rows = await installation.database.query<{ state: string; is_parked: boolean; is_due: boolean }>(
      `SELECT state, t.parked_at IS NOT NULL AS is_parked, d.due_at IS NOT NULL AS is_due
       FROM notifier.delivery d JOIN notifier.destination t USING (destination_id) JOIN notifier.notification n USING (notification_id)
       WHERE n.company_id = $1`,
      [company],
    )
    const [one] = rows
    if (rows.length !== 1 || !one) return false
    return one.is_parked ? `${one.state}, parked` : !one.is_due && one.state
  })
}

const templates = {
  SENDGRID_NOTIFICATION_TEMPLATE_ID: `d-${'1'.repeat(32)}`,
  SENDGRID_REPORT_TEMPLATE_ID: `d-${'2'.repeat(32)}`,
}

/** What came to an address, once there are `count`. */
function textsAt(address: string, count: number): Promise<string[]> {
  return waitFor(`${count} mails to ${address}`, () => {
    const texts = sendGrid.mailsTo(address).map((mail) => mail.personalizations[0]?.dynamic_template_data?.notification)
    return texts.length >= count && (texts as string[])
  })
}
const beginning = (text: string) => text.split('\n')[0]

/** What came to an address and begins with this line, once it is there. Administrators hear of other tests, too. */
function heardAt(address: string, line: string): Promise<string> {
  return waitFor(`"${line}" at ${address}`, async () =>
    (await textsAt(address, 0)).find((text) => beginning(text) === line),
  )
}

/** A company that one person follows, by e-mail and in a Slack channel of this workspace. */
async function addReached() {
  const { company, name, address, channel } = await addFollowed(installation.database)
  slack.openRoom(channel)
  return { company, name, address, channel }
}

/** What `parma channels ls` says of a destination. */
async function channelsOf(destination: string) {
  type Listed = { id: number; destination: string; state: string; problem: string | null }
  const channels = await runCommand<Listed[]>(commands.channels, 'ls')
  return channels.filter((one) => one.destination === destination) as [Listed, ...Listed[]]
}

describe('a mail through SendGrid', () => {
  const html = { headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' }
  test.each<[string, Fate[], string, number, number]>([
    ['is taken', [], 'sent', 1, 1],
    ['is sent again where it came too soon', [tooManyMails(Math.floor(Date.now() / 1000))], 'sent', 2, 1],
    ['waits for a key that is refused', [{ status: 401 }, { status: 403 }], 'sent', 3, 1],
    ['that is wrong in itself fails', [{ status: 400, body: '{"errors":[]}' }], 'failed', 1, 0],
    ['is not sent again after a 500', [{ status: 500, ...html }], 'unknown', 1, 0],
    ['is not sent again after another page', [{ status: 200, ...html }], 'unknown', 1, 0],
    ['is not sent again when its answer is lost', ['lose-answer'], 'unknown', 1, 1],
    ['is not sent again when no answer comes', ['hang'], 'unknown', 1, 0],
  ])('%s', async (_, fates, state, calls, mails) => {
    const { company, address } = await addReached()
    mailFates.set(address, fates)
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual([state, 'sent'])
    expect([sendGrid.calls(address), sendGrid.mailsTo(address).length]).toEqual([calls, mails])
  })

  test('operators hear when its key is refused, and when it is not any more', async () => {
    const { company, address } = await addReached()
    mailFates.set(address, Array<Fate>(3).fill({ status: 401 }))
    await sendNews(installation, groupOf(company, source, 1))
    const told = await waitFor('both events', async () => {
      const rows = await installation.database.query<{ message: string; resolved: boolean }>(
        `SELECT message, resolved FROM notifier.ops_event WHERE kind = 'channel-down' AND subject = 'EMAIL' ORDER BY at`,
      )
      return rows.length >= 2 && rows
    })
    expect(told[0]).toEqual({ message: expect.stringContaining('SendGrid answered 40'), resolved: false })
    expect(told[1]).toEqual({ message: 'Messages are going out by EMAIL again.', resolved: true })
  })

  test('has the shape that the predecessor gave it', async () => {
    const { company, name, address } = await addReached()
    await sendNews(installation, groupOf(company, source, 1))
    await textsAt(address, 1)
    expect(sendGrid.mailsTo(address)).toEqual([
      {
        from: { email: 'parma@example.com' },
        personalizations: [
          {
            to: [{ email: address }],
            dynamic_template_data: { notification: expect.stringContaining(`${name}: Stars number 0 rose`) },
            headers: expect.objectContaining({ 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
          },
        ],
        template_id: templates.SENDGRID_NOTIFICATION_TEMPLATE_ID,
      },
    ])
    expect(sendGrid.refusals).toEqual([])
  })
})

describe('a webhook', () => {
  const html = { headers: { 'content-type': 'text/html' }, body: '<html>Sorry</html>' }
  const busy = { status: 429, headers: { 'retry-after': '1' } }
  test.each<[string, Fate[], string, number, number]>([
    ['is taken', [], 'sent', 1, 1],
    ['is sent again where it came too soon', [busy, { ...busy, status: 503 }], 'sent', 3, 1],
    ['is sent again after a 500', [{ status: 500, ...html }], 'sent', 2, 1],
    ['does not follow a redirect', [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }], 'sent', 2, 1],
    ['is sent again, as the same, when its answer is lost', ['lose-answer'], 'sent', 2, 1],
    ['is sent again, as the same, when no answer comes', ['keep-answer'], 'sent', 2, 1],
    ['is sent again when nobody took it', ['hang', 'lose-call'], 'sent', 3, 1],
    ['that is wrong in itself fails', [{ status: 400 }], 'failed', 1, 0],
    ['is no more called when it is gone', [{ status: 410 }], 'pending, parked', 1, 0],
    ['is no more called when it is not found', [{ status: 404, ...html }], 'pending, parked', 1, 0],
  ])('%s', async (_, fates, outcome, calls, messages) => {
    const path = `/${unique('hook')}`
    const company = await addHeard({
      type: 'WEBHOOK',
      destination: receiver.url(path),
      secretId: addSecret(receiver.secret),
    })
    hookFates.set(path, fates)
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe(outcome)
    expect([receiver.calls(path), receiver.messagesAt(path).length]).toEqual([calls, messages])
    expect(receiver.refusals).toEqual([])
  })

  test('says what it is about', async () => {
    const path = `/${unique('hook')}`
    const secretId = addSecret(receiver.secret)
    const company = await addHeard({ type: 'WEBHOOK', destination: receiver.url(path), secretId })
    await sendNews(installation, groupOf(company, source, 2))
    expect(await outcomeOf(company)).toBe('sent')
    expect(receiver.messagesAt(path)[0]?.body).toMatchObject({
      type: 'parma.news',
      data: { about: { kind: 'company' }, lines: [{ severity: 'warning', title: 'Stars number 1 rose' }, {}] },
    })
  })

  test.each([
    ['an address outside of the public internet', 'http://10.1.2.3/x', receiverSecret, 'is not in the public internet'],
    ['a secret that is no key', 'http://127.0.0.1:9/x', () => 'xoxb-1', 'is not a key of 24 to 64 bytes'],
  ])('to %s is parked without a call', async (_, destination, secret, reason) => {
    const company = await addHeard({ type: 'WEBHOOK', destination, secretId: addSecret(secret()) })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    expect((await deliveriesOf(installation.database, company))[0]?.reason).toContain(reason)
  })

  test('that hangs, or asks for patience, delays nobody else, however many there are', async () => {
    const other = await createInstallation()
    const env = { POLL_MS: '100', SEND_TIMEOUT_MS: '60000', LEASE_MS: '90000', SECRETS_DIR: secretsDir }
    await other.start('notifier', env)
    const company = await addCompany(other.database)
    const secretId = addSecret(receiver.secret)
    const hooks = (count: number, fate?: Fate): Reach[] =>
      Array.from({ length: count }, () => {
        const path = `/${unique('hook')}`
        if (fate) hookFates.set(path, [fate])
        return { type: 'WEBHOOK', destination: receiver.url(path), secretId }
      })
    const patience = { status: 429, headers: { 'retry-after': '3600' } }
    const [hanging, patient, good] = [hooks(20, 'hang'), hooks(5, patience), hooks(10)]
    await addPerson(other.database, { companies: [company], channels: [...hanging, ...patient, ...good] })
    const countOf = async (hooks: Reach[], what: string) => {
      const [row] = await other.database.query<{ count: number }>(
        `SELECT count(*)::int FROM notifier.delivery d JOIN notifier.destination t USING (destination_id) ${what} AND address = ANY($1)`,
        [hooks.map(({ destination }) => destination)],
      )
      return row?.count
    }
    const attempts = 'JOIN notifier.attempt USING (delivery_id) WHERE outcome ='
    await sendNews(other, groupOf(company, await addSource(other.database), 1))
    await waitFor('the others', async () => {
      return (await countOf(good, `${attempts} 'sent'`)) === 10 && (await countOf(patient, `${attempts} 'retry'`)) === 5
    })
    expect(await countOf(hanging, "WHERE state = 'sending' AND claim = 1")).toBe(20)
  })
})

describe('an incoming webhook of Slack', () => {
  test.each<[string, Fate[], string, number, number]>([
    ['takes a message', [], 'sent', 1, 1],
    ['takes it later where it came too soon', [{ status: 429, headers: { 'retry-after': '1' } }], 'sent', 2, 1],
    ['that is archived is parked', [{ status: 410, body: 'channel_is_archived' }], 'pending, parked', 1, 0],
    ['that was removed is parked', [{ status: 404, body: 'no_service' }], 'pending, parked', 1, 0],
    ['that nobody may post to is parked', [{ status: 403, body: 'action_prohibited' }], 'pending, parked', 1, 0],
    ['does not take a bad message', [{ status: 400, body: 'invalid_payload' }], 'failed', 1, 0],
    ['whose answer was lost is not called again', ['lose-answer'], 'unknown', 1, 1],
    ['that hangs is not called again', ['hang'], 'unknown', 1, 0],
    ['behind a page of somebody else is not called again', [{ status: 200, body: '<html>' }], 'unknown', 1, 0],
  ])('%s', async (_, fates, outcome, calls, messages) => {
    const room = unique('room')
    slack.openRoom(room)
    postFates.set(room, fates)
    const secretId = addSecret(slack.openWebhook(room))
    const company = await addHeard({ type: 'SLACK', destination: room, secretId })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe(outcome)
    expect([slack.calls('webhook', room), slack.postsIn(room).length]).toEqual([calls, messages])
  })

  test('is called at Slack only', async () => {
    const path = `/${unique('hook')}`
    const room = unique('room')
    const company = await addHeard({ type: 'SLACK', destination: room, secretId: addSecret(receiver.url(path)) })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    expect(receiver.calls(path)).toBe(0)
  })
})

describe('a Slack channel', () => {
  test.each<[string, (room: string) => Reach, string, number]>([
    ['that there is not', (room) => ({ type: 'SLACK', destination: `no-${room}` }), 'the bot sees no such channel', 0],
    [
      'without the bot',
      (room) => (slack.openRoom(room, { isMember: false }), { type: 'SLACK', destination: room }),
      'invite the bot',
      0,
    ],
    [
      'of a revoked token',
      (room) => (
        slack.tokens.set('xoxb-old', 'token_revoked'),
        { type: 'SLACK', destination: room, secretId: addSecret('xoxb-old') }
      ),
      'put a new one into the secret',
      0,
    ],
  ])('%s is parked with the reason', async (_, make, reason, posts) => {
    const room = unique('room')
    slack.openRoom(room)
    const reach = make(room)
    const company = await addHeard(reach)
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    expect((await deliveriesOf(installation.database, company))[0]?.reason).toContain(reason)
    expect(slack.postsIn(reach.destination)).toHaveLength(posts)
  })

  test('that is private is named by its id', async () => {
    const id = slack.openRoom(unique('room'), { isPrivate: true })
    const company = await addHeard({ type: 'SLACK', destination: id })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('sent')
    expect(slack.postsIn(id)).toHaveLength(1)
  })
})

describe('a secret', () => {
  test.each<[string, () => string | Promise<string>]>([
    ['a file', () => addSecret(receiver.secret)],
    ['the environment', () => 'from-the-environment'],
    ['the database', () => storeSecret(receiver.secret)],
    ['Secret Manager', () => manager.add(receiver.secret)],
  ])('comes from %s', async (_, place) => {
    const path = `/${unique('hook')}`
    const company = await addHeard({ type: 'WEBHOOK', destination: receiver.url(path), secretId: await place() })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('sent')
    expect(receiver.messagesAt(path)).toHaveLength(1)
  })

  test('of Secret Manager is asked for once in a while, and again after a failure', async () => {
    const path = `/${unique('hook')}`
    const name = manager.add(receiver.secret)
    manager.fates.set(name, [
      { status: 403, body: '{"error":{"status":"PERMISSION_DENIED"}}' },
      'hang',
      { status: 500 },
    ])
    const company = await addHeard({ type: 'WEBHOOK', destination: receiver.url(path), secretId: name })
    await sendNews(installation, groupOf(company, source, 1))
    await settledStates(installation.database, company, 1)
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(manager.calls(name)).toBe(4)
    expect(manager.tokens()).toBe(1)
    expect(await manager.claims()).toMatchObject({ scope: 'https://www.googleapis.com/auth/cloud-platform' })
  })

  test('that is nowhere is waited for, and of Secret Manager no others than those of channels are asked for', async () => {
    const path = `/${unique('hook')}`
    const secretId = unique('database-password')
    const company = await addHeard({ type: 'WEBHOOK', destination: receiver.url(path), secretId })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the reason', async () => {
      const [delivery] = await deliveriesOf(installation.database, company)
      return delivery?.reason?.includes(`there is no secret ${secretId}`)
    })
    const subject = `WEBHOOK with the secret ${secretId}`
    const told = (resolved: boolean) =>
      waitFor(`operators to hear of it, resolved: ${resolved}`, async () => {
        const [event] = await installation.database.query<{ message: string }>(
          `SELECT message FROM notifier.ops_event WHERE kind = 'channel-down' AND subject = $1 AND resolved = $2`,
          [subject, resolved],
        )
        return event?.message
      })
    expect(await told(false)).toContain(`there is no secret ${secretId}`)
    writeFileSync(join(secretsDir, secretId), receiver.secret)
    expect(await outcomeOf(company)).toBe('sent')
    await told(true)
    expect(manager.calls(secretId)).toBe(0)
  })
})

describe('a destination that takes nothing', () => {
  test('is parked; its people and the administrators hear of it elsewhere', async () => {
    const { database } = installation
    const { company, name, address, channel } = await addReached()
    slack.openRoom(channel, { isArchived: true })
    const root = `root-${address}`
    await addPerson(database, {
      role: 'ADMIN',
      companies: [company],
      channels: [
        { type: 'EMAIL', destination: root },
        { type: 'SLACK', destination: channel },
      ],
    })
    await sendNews(installation, groupOf(company, source, 1))
    const headline = `${name}: Stars number 0 rose`
    const parked = `No more messages to SLACK ${channel}`
    expect((await textsAt(address, 2)).map(beginning).sort()).toEqual([headline, parked].sort())
    expect(await heardAt(root, `Operations: SLACK ${channel}, destination-parked`)).toContain('is_archived')
    await heardAt(root, headline)

    await sendNews(installation, groupOf(company, source, 1))
    await textsAt(address, 3)
    expect(slack.calls('chat.postMessage', channel)).toBe(1)
    const waiting = (await deliveriesOf(database, company)).filter((one) => one.address === channel)
    expect(waiting).toMatchObject(Array(2).fill({ state: 'pending', is_due: true }))

    const [{ id }] = await channelsOf(channel)
    await expect(runCommand(commands.channels, 'test', String(id))).rejects.toThrow(/failed: .*is_archived/)
    slack.openRoom(channel)
    expect(await runCommand(commands.channels, 'test', String(id))).toMatchObject({ id, state: 'sent' })
    // The administrator hears there, too.
    const posts = () => slack.postsIn(channel).map(({ text }) => text)
    await waitFor('what waited', () => posts().filter((text) => text === headline).length === 2)
    expect(posts()[0]).toBe('Test message from parma-analytics')
    await heardAt(root, `Operations: resolved: SLACK ${channel}, destination-parked`)
    expect(await channelsOf(channel)).toMatchObject(Array(2).fill({ state: 'ok' }))
  })

  test('works again when somebody says so', async () => {
    const room = unique('room')
    const company = await addHeard({ type: 'SLACK', destination: room })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    slack.openRoom(room)
    const [{ id, state }] = await channelsOf(room)
    expect(state).toBe('parked')
    expect(await runCommand(commands.channels, 'unpark', String(id))).toEqual({ unparked: 1 })
    expect(await outcomeOf(company)).toBe('sent')
    expect(slack.postsIn(room)).toHaveLength(1)
  })

  test('that its people have unsubscribed gets nothing', async () => {
    const { company, address, channel } = await addReached()
    await installation.database.query(
      `INSERT INTO notifier.destination (channel, address, unsubscribed_at) VALUES ('EMAIL', $1, now())`,
      [address],
    )
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['failed', 'sent'])
    expect((await deliveriesOf(installation.database, company))[0]?.reason).toBe('unsubscribed')
    expect([sendGrid.calls(address), slack.postsIn(channel).length]).toEqual([0, 1])
    const [{ id }] = await channelsOf(address)
    await expect(runCommand(commands.channels, 'test', String(id))).rejects.toThrow('its recipients have unsubscribed')
  })
})

describe('deliveries', () => {
  type Listed = { id: number; state: string; attempts: number; reason: string | null; resend: string }
  const parma = <T>(...args: string[]) => runCommand<T>(commands.deliveries, ...args)

  test('are listed, shown with every attempt, and sent again once, where they failed', async () => {
    const { company, name, address, channel } = await addReached()
    mailFates.set(address, [{ status: 401 }, { status: 400, body: 'bad' }])
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(installation.database, company, 2)).toEqual(['failed', 'sent'])
    const ofCompany = ['--company', String(company)]
    const rows = await parma<Listed[]>('ls', ...ofCompany)
    expect(rows).toHaveLength(2)
    const [failed] = await parma<Listed[]>('ls', ...ofCompany, '--state', 'failed', '--hours', '1')
    expect(failed).toMatchObject({ subject: `${name}: Stars number 0 rose`, destination: address, attempts: 2 })
    const id = String(failed?.id)
    expect(await parma('show', id)).toMatchObject({
      message: { subject: `${name}: Stars number 0 rose` },
      attempts: [
        { action: 'send', outcome: 'retry' },
        { action: 'send', outcome: 'refused', detail: 'SendGrid answered 400: bad' },
      ],
    })
    expect(await installation.parma('deliveries', 'show', id)).toContain('You get this because Ann follows')

    const resend = (...args: string[]) => parma<Listed[]>('resend', ...args)
    expect(await resend(...rows.map((row) => String(row.id)), '--dry-run')).toMatchObject(
      rows
        .map((row) => ({ id: row.id, resend: row.state === 'failed' ? 'yes' : 'no: it is sent' }))
        .toSorted((a, b) => a.id - b.id),
    )
    expect(sendGrid.calls(address)).toBe(2)
    expect(await resend('--state', 'failed', ...ofCompany)).toMatchObject([{ id: failed?.id, resend: 'yes' }])
    expect(await settledStates(installation.database, company, 2)).toEqual(['sent', 'sent'])
    expect(await resend(id)).toMatchObject([{ resend: 'no: it is sent' }])
    expect([sendGrid.mailsTo(address).length, slack.postsIn(channel).length]).toEqual([1, 1])
    await expect(resend()).rejects.toThrow('Give ids of deliveries, or --state')
    await expect(resend(id, '999999')).rejects.toThrow('There is no delivery 999999')
  })

  test('that may have arrived are sent again when that is wanted, those to impossible places never', async () => {
    const { company, address } = await addReached()
    await addPerson(installation.database, {
      companies: [company],
      channels: [{ type: 'EMAIL', destination: `${address}\r\nBcc: all@example.com` }],
    })
    mailFates.set(address, ['lose-answer'])
    await sendNews(installation, groupOf(company, source, 1))
    expect((await settledStates(installation.database, company, 3)).sort()).toEqual(['failed', 'sent', 'unknown'])
    const all = await parma<Listed[]>('ls', '--company', String(company))
    const given = all.filter(({ state }) => state !== 'sent').map(({ id }) => String(id))
    const judged = await parma<Listed[]>('resend', ...given)
    expect(judged.map(({ resend }) => resend).sort()).toEqual([
      'no: the destination cannot be used',
      'yes, though it may have arrived',
    ])
    expect((await settledStates(installation.database, company, 3)).sort()).toEqual(['failed', 'sent', 'sent'])
    expect(sendGrid.mailsTo(address)).toHaveLength(2)
  })
})

test('no secret is in a log or in the delivery log', async () => {
  const written = [
    notifier.logs(),
    ...(await installation.database.query('SELECT to_json(a) FROM notifier.attempt a')).map((row) =>
      JSON.stringify(row),
    ),
  ].join('\n')
  expect(written).toContain('delivery_attempted')
  const secrets = [
    receiver.secret.slice('whsec_'.length),
    sendGrid.apiKey,
    keyOfSecrets,
    '/services/T0LOCAL',
    'xoxb-',
    'PRIVATE KEY',
    'ya29.',
  ]
  expect(secrets.filter((secret) => written.includes(secret))).toEqual([])
})

function receiverSecret(): string {
  return receiver.secret
}

async function storeSecret(secret: string): Promise<string> {
  const name = unique('stored')
  const { key_id, nonce, ciphertext } = encryptSecret(parseSecretKeys(`k1:${keyOfSecrets}`), name, secret)
  await installation.database.query('INSERT INTO notifier.secret VALUES ($1, $2, $3, $4)', [
    name,
    key_id,
    nonce,
    ciphertext,
  ])
  return name
}
