import { describe, expect, test } from 'vitest'
import type { Fate } from '../harness/faulty-server.ts'
import { unique } from '../harness/mailbox.ts'
import { startChannels, templates } from '../harness/notifier/channels.ts'
import { deliveriesOf, groupOf, type Reach, sendNews, settledStates } from '../harness/notifier/setup.ts'
import { tooManyMails } from '../harness/sendgrid-server.ts'
import { waitFor } from '../harness/wait-for.ts'

const {
  installation,
  database,
  source,
  notifier,
  slack,
  sendGrid,
  receiver,
  manager,
  secretsKey,
  mailFates,
  addSecret,
  storeSecret,
  addCompanyFor,
  addReached,
  outcomeOf,
  textsAt,
} = await startChannels()

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
    expect(await settledStates(database, company, 2)).toEqual([state, 'sent'])
    expect([sendGrid.calls(address), sendGrid.mailsTo(address).length]).toEqual([calls, mails])
  })

  test('administrators are notified when its key is refused, and when it works again', async () => {
    const { company, address } = await addReached()
    mailFates.set(address, Array<Fate>(3).fill({ status: 401 }))
    await sendNews(installation, groupOf(company, source, 1))
    const told = await waitFor('both events', async () => {
      const rows = await database.query<{ message: string; resolved: boolean }>(
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
    const company = await addCompanyFor(reach)
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    expect((await deliveriesOf(database, company))[0]?.reason).toContain(reason)
    expect(slack.postsIn(reach.destination)).toHaveLength(posts)
  })

  test('that is private is named by its id', async () => {
    const id = slack.openRoom(unique('room'), { isPrivate: true })
    const company = await addCompanyFor({ type: 'SLACK', destination: id })
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
    const company = await addCompanyFor({ type: 'WEBHOOK', destination: receiver.url(path), secretId: await place() })
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
    const company = await addCompanyFor({ type: 'WEBHOOK', destination: receiver.url(path), secretId: name })
    await sendNews(installation, groupOf(company, source, 1))
    await settledStates(database, company, 1)
    await sendNews(installation, groupOf(company, source, 1))
    expect(await settledStates(database, company, 2)).toEqual(['sent', 'sent'])
    expect(manager.calls(name)).toBe(4)
    expect(manager.tokens()).toBe(1)
    expect(await manager.claims()).toMatchObject({ scope: 'https://www.googleapis.com/auth/cloud-platform' })
  })

  test('that is nowhere is waited for, and of Secret Manager no others than those of channels are asked for', async () => {
    const path = `/${unique('hook')}`
    const secretId = unique('database-password')
    const company = await addCompanyFor({ type: 'WEBHOOK', destination: receiver.url(path), secretId })
    await sendNews(installation, groupOf(company, source, 1))
    await waitFor('the reason', async () => {
      const [delivery] = await deliveriesOf(database, company)
      return delivery?.reason?.includes(`there is no secret ${secretId}`)
    })
    const subject = `WEBHOOK with the secret ${secretId}`
    const told = (resolved: boolean) =>
      waitFor(`operators to hear of it, resolved: ${resolved}`, async () => {
        const [event] = await database.query<{ message: string }>(
          `SELECT message FROM notifier.ops_event WHERE kind = 'channel-down' AND subject = $1 AND resolved = $2`,
          [subject, resolved],
        )
        return event?.message
      })
    expect(await told(false)).toContain(`there is no secret ${secretId}`)
    addSecret(receiver.secret, secretId)
    expect(await outcomeOf(company)).toBe('sent')
    await told(true)
    expect(manager.calls(secretId)).toBe(0)
  })
})

test('no secret is in a log or in the delivery log', async () => {
  const written = [
    notifier.logs(),
    ...(await database.query('SELECT to_json(a) FROM notifier.attempt a')).map((row) => JSON.stringify(row)),
  ].join('\n')
  expect(written).toContain('delivery_attempted')
  const secrets = [
    receiver.secret.slice('whsec_'.length),
    sendGrid.apiKey,
    secretsKey,
    '/services/T0LOCAL',
    'xoxb-',
    'PRIVATE KEY',
    'ya29.',
  ]
  expect(secrets.filter((secret) => written.includes(secret))).toEqual([])
})
