import { beforeAll, describe, expect, test } from 'vitest'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo } from '../harness/mailbox.ts'
import { stackEnv } from '../harness/stack.ts'
import { waitFor } from '../harness/wait-for.ts'
import { addFollowed, addPerson, addSource, deliveriesOf, groupOf, newsPostsIn, sendNews } from './notifier-setup.ts'
import { type Fate, startSlackProxy } from './notifier-stand-ins.ts'

const quick = {
  RETRY_FIRST_MS: '100',
  RETRY_MAX_MS: '200',
  LOOK_UP_AFTER_MS: '200',
  POLL_MS: '100',
  OPS_WINDOW_MS: '0',
}

let installation: Installation
let source: number
/** What becomes of the first posts to a Slack channel. */
const postFates = new Map<string, Fate[]>()

beforeAll(async () => {
  installation = await createInstallation()
  source = await addSource(installation.database)
  const proxy = await startSlackProxy(stackEnv().SLACK_API_URL ?? '', (_, channel, nth) => {
    return postFates.get(channel)?.[nth] ?? 'pass'
  })
  await installation.start('notifier', {
    ...quick,
    SLACK_API_URL: proxy.url,
    SEND_TIMEOUT_MS: '1500',
    LEASE_MS: '4000',
  })
})

const refusal = (error: string): Fate => ({ status: 200, body: JSON.stringify({ ok: false, error }) })

/** The subjects of what came to an address, once there are `count`. */
function subjectsAt(address: string, count: number): Promise<string[]> {
  return waitFor(`${count} mails to ${address}`, async () => {
    const subjects = (await mailsTo(address)).map(({ subject }) => subject)
    return subjects.length >= count && subjects
  })
}

describe('a destination that takes nothing', () => {
  test('is parked; its people and the administrators hear of it elsewhere', async () => {
    const { database } = installation
    const { company, name, address, channel } = await addFollowed(database)
    const root = `root-${address}`
    await addPerson(database, {
      role: 'ADMIN',
      companies: [company],
      channels: [
        { type: 'EMAIL', destination: root },
        { type: 'SLACK', destination: channel },
      ],
    })
    postFates.set(channel, [refusal('is_archived')])
    const [first, second] = [groupOf(company, source, 1), groupOf(company, source, 1)]
    await sendNews(installation, first)
    const headline = `${name}: Stars number 0 rose`
    expect((await subjectsAt(address, 2)).sort()).toEqual([headline, `No more messages to SLACK ${channel}`].sort())
    const parked = `Operations: SLACK ${channel}, destination-parked`
    expect((await subjectsAt(root, 2)).sort()).toEqual([parked, headline].sort())
    const [, told] = await mailsTo(root)
    expect(told?.text).toContain('is_archived')

    await sendNews(installation, second)
    await subjectsAt(address, 3)
    expect(await newsPostsIn(channel)).toHaveLength(0)
    const waiting = (await deliveriesOf(database, company)).filter((one) => one.address === channel)
    expect(waiting).toMatchObject([
      { state: 'pending', is_due: true },
      { state: 'pending', is_due: true },
    ])
  })
})
