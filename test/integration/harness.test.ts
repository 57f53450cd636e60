import { randomUUID } from 'node:crypto'
import nodemailer from 'nodemailer'
import { WebClient } from '@slack/web-api'
import { beforeAll, describe, expect, test } from 'vitest'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, slackPostsIn } from '../harness/mailbox.ts'
import { stackEnv } from '../harness/stack.ts'
import { waitFor } from '../harness/wait-for.ts'

const rawPayloads = 'mining.raw-payloads.v1'

describe('an installation', () => {
  let one: Installation
  let other: Installation

  beforeAll(async () => {
    ;[one, other] = await Promise.all([createInstallation(), createInstallation()])
  })

  test('has topics that only it reads and writes, bytes untouched', async () => {
    const value = Buffer.from([0, 255, 254, 10])
    const sent = [
      { key: '1', value, headers: { event_id: 'e1' }, partition: 2 },
      { key: '1', value: null, partition: 2 },
      { key: null, value: Buffer.alloc(0), partition: 0 },
    ]
    await one.topics.produce(rawPayloads, sent)
    const sentAt = expect.any(Number) as number
    expect(await one.topics.read(rawPayloads)).toEqual([
      { partition: 0, offset: 0, sentAt, key: null, value: Buffer.alloc(0), headers: {} },
      { partition: 2, offset: 0, sentAt, key: '1', value, headers: { event_id: 'e1' } },
      { partition: 2, offset: 1, sentAt, key: '1', value: null, headers: {} },
    ])
    expect(await other.topics.read(rawPayloads)).toEqual([])
    expect(await one.topics.read(`${rawPayloads}.normalizer.dlq`)).toEqual([])
  })

  test('has a database of its own, with all tables', async () => {
    await one.database.query(`INSERT INTO company (name, modified_at) VALUES ('one', now())`)
    expect(await one.database.query('SELECT name FROM company')).toEqual([{ name: 'one' }])
    expect(await other.database.query('SELECT name FROM company')).toEqual([])
    expect(one.env.DATABASE_URL).toBe(one.database.url)
  })

  test('has a Firestore project of its own', async () => {
    await one.firestore.client.doc('a/document').create({ n: 1 })
    expect((await one.firestore.client.doc('a/document').get()).data()).toEqual({ n: 1 })
    expect((await other.firestore.client.doc('a/document').get()).exists).toBe(false)
  })

  test('runs commands on itself', async () => {
    expect(JSON.parse(await one.parma('migrate', '--json'))).toEqual([])
    await expect(one.parma('no-such-command')).rejects.toThrow(/parma no-such-command failed/)
  })
})

test('mails and Slack posts are found by address and channel', async () => {
  const name = randomUUID()
  const to = `${name}@local.test`
  const mailer = nodemailer.createTransport(stackEnv().SMTP_URL)
  await mailer.sendMail({ from: 'parma@local.test', to, subject: 'found', text: 'x' })
  const slack = new WebClient('xoxb-any', { slackApiUrl: stackEnv().SLACK_API_URL })
  await slack.chat.postMessage({ channel: `#${name}`, text: 'found' })
  const [mail] = await waitFor('the mail', async () => {
    const mails = await mailsTo(to)
    return mails.length > 0 && mails
  })
  expect(mail).toMatchObject({ from: 'parma@local.test', subject: 'found' })
  expect(await slackPostsIn(name)).toMatchObject([{ text: 'found' }])
  expect(await mailsTo('nobody@local.test')).toEqual([])
})
