import { beforeAll, describe, expect, test } from 'vitest'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type SendGridServer, startSendGridServer, tooManyMails } from '../harness/sendgrid-server.ts'
import type { Fate } from '../harness/faulty-server.ts'
import { type SlackServer, startSlackServer } from '../harness/slack-server.ts'
import { waitFor } from '../harness/wait-for.ts'
import { addFollowed, addPerson, addSource, deliveriesOf, groupOf, sendNews, settledStates } from './notifier-setup.ts'

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
/** What becomes of the first mails to an address. */
const mailFates = new Map<string, Fate[]>()

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  slack = await startSlackServer({ intervalMs: 0 })
  sendGrid = await startSendGridServer((address, nth) => mailFates.get(address)?.[nth] ?? 'pass')
  await installation.start('notifier', {
    ...quick,
    ...{ SEND_TIMEOUT_MS: '1500', LEASE_MS: '4000', SLACK_API_URL: slack.url, SLACK_INTERVAL_MS: '0' },
    ...{ SMTP_URL: '', SENDGRID_API_URL: sendGrid.url, SENDGRID_API_KEY: sendGrid.apiKey, ...templates },
    SENDGRID_FROM_EMAIL: 'parma@example.com',
  })
})

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

/** A company that one person follows, by e-mail and in a Slack channel of this workspace. */
async function addReached() {
  const { company, name, address, channel } = await addFollowed(installation.database)
  slack.openRoom(channel)
  return { company, name, address, channel }
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
          },
        ],
        template_id: templates.SENDGRID_NOTIFICATION_TEMPLATE_ID,
      },
    ])
    expect(sendGrid.refusals).toEqual([])
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
    const story = `Operations: SLACK ${channel}, destination-parked`
    const told = await textsAt(root, 2)
    expect(told.map(beginning).sort()).toEqual([story, headline].sort())
    expect(told.find((text) => beginning(text) === story)).toContain('is_archived')

    await sendNews(installation, groupOf(company, source, 1))
    await textsAt(address, 3)
    expect(slack.calls('chat.postMessage', channel)).toBe(1)
    const waiting = (await deliveriesOf(database, company)).filter((one) => one.address === channel)
    expect(waiting).toMatchObject(Array(2).fill({ state: 'pending', is_due: true }))
  })
})
