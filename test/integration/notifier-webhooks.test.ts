import { describe, expect, test } from 'vitest'
import { commands } from '../../services/notifier/commands.ts'
import { createWebhookCheck } from '../harness/edge/webhook-schema.ts'
import type { Fate } from '../harness/faulty-server.ts'
import { createInstallation } from '../harness/installation.ts'
import { unique } from '../harness/mailbox.ts'
import { channelsOf, startChannels } from '../harness/notifier/channels.ts'
import {
  addCompany,
  addPerson,
  addSource,
  deliveriesOf,
  groupOf,
  opsEventOf,
  type Reach,
  sendNews,
  sendOps,
} from '../harness/notifier/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

const {
  installation,
  database,
  source,
  slack,
  receiver,
  secretsDir,
  postFates,
  hookFates,
  addSecret,
  addCompanyFor,
  outcomeOf,
} = await startChannels()

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
    const company = await addCompanyFor({
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
    const company = await addCompanyFor({ type: 'WEBHOOK', destination: receiver.url(path), secretId })
    await sendNews(installation, groupOf(company, source, 2))
    expect(await outcomeOf(company)).toBe('sent')
    expect(receiver.messagesAt(path)[0]?.body).toMatchObject({
      type: 'parma.news',
      data: { about: { kind: 'company' }, lines: [{ severity: 'warning', title: 'Stars number 1 rose' }, {}] },
    })
  })

  test('of each type has the body that /openapi.json describes, with facts for programs', async () => {
    const problemsOf = createWebhookCheck()
    const path = `/${unique('hook')}`
    const channels: Reach[] = (['NOTIFICATION', 'REPORT'] as const).map((purpose) => {
      return { type: 'WEBHOOK', destination: receiver.url(path), secretId: addSecret(receiver.secret), purpose }
    })
    const company = await addCompany(database)
    const name = unique('Ann')
    await addPerson(database, { name, role: 'ADMIN', companies: [company], channels })
    const rule = { id: 'notification_rules/7', version: 3 }
    const news = groupOf(company, source, 2, { rule, facts: { score: '0.75' }, item_key: 'acme/app', importance: 0.5 })
    const event = opsEventOf({ subject: 'npm' })
    await sendNews(installation, news)
    await sendOps(installation, [event])
    await waitFor('the digest', async () => {
      const made = await runCommand<object[]>(commands.digests, 'run', '--person', name, '--early', '--own-settings')
      return made.length > 0
    })
    const [alerts] = await channelsOf(receiver.url(path))
    await runCommand(commands.channels, 'test', String(alerts.id))
    const bodies = await waitFor('webhooks of each type', () => {
      const bodies = receiver.messagesAt(path).map(({ body }) => body as { type: string })
      return ['news', 'ops', 'digest', 'test'].every((kind) => bodies.some(({ type }) => type === `parma.${kind}`))
        ? bodies
        : false
    })
    expect(bodies.flatMap(problemsOf)).toEqual([])
    const first = news[1]!
    const facts = {
      ...{ news_id: first.news_id, event_id: first.event_id, kind: 'threshold', company_id: company },
      ...{ data_source_id: source, source_measurement_id: 1, subject_key: '', item_key: 'acme/app' },
      ...{ previous: '1001', current: '1501', percent: 51, score: 0.75, importance: 0.5, rule },
      observed_at: '2026-11-24T12:00:00.000Z',
    }
    const linesOf = (type: string) => bodies.find((body) => body.type === type)
    const why = expect.stringContaining(`/why/${first.news_id}?`)
    expect(linesOf('parma.news')).toMatchObject({ data: { lines: [{ facts: { ...facts, why } }, {}] } })
    expect(linesOf('parma.digest')).toMatchObject({
      data: { lines: expect.arrayContaining([expect.objectContaining({ facts: expect.objectContaining(facts) })]) },
    })
    expect(linesOf('parma.ops')).toMatchObject({
      data: { lines: [{ facts: { event_id: event.event_id, kind: 'drift', subject: 'npm', resolved: false } }] },
    })
    expect(problemsOf({ ...bodies[0], data: {} })).not.toEqual([])
  })

  test('is accepted by receivers who know either of two keys, while one replaces the other', async () => {
    const path = `/${unique('hook')}`
    const fresh = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
    const secretId = addSecret(`${fresh},${receiver.secret}`)
    const company = await addCompanyFor({ type: 'WEBHOOK', destination: receiver.url(path), secretId })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('sent')
    expect([receiver.messagesAt(path).length, receiver.refusals]).toEqual([1, []])
  })

  test('is sent again since a time, to a receiver that has lost what it had', async () => {
    const path = `/${unique('hook')}`
    const destination = receiver.url(path)
    const company = await addCompanyFor({ type: 'WEBHOOK', destination, secretId: addSecret(receiver.secret) })
    hookFates.set(path, [{ status: 400 }])
    const since = new Date().toISOString()
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('failed')
    const resend = (...args: string[]) =>
      runCommand<{ resend: string }[]>(commands.deliveries, 'resend', '--destination', destination, ...args)
    expect(await resend('--since', since, '--dry-run')).toMatchObject([{ resend: 'yes' }])
    expect(await resend('--since', '2030-01-01', '--dry-run')).toEqual([])
    await expect(resend('--since', since)).rejects.toThrow(
      '1 message would be sent again, of 1 message (1 yes). Confirm',
    )
    await expect(resend('--since', 'yesterday')).rejects.toThrow('--since is "yesterday"')
    expect(receiver.calls(path)).toBe(1)
    expect(await resend('--since', since, '--yes')).toMatchObject([{ resend: 'yes' }])
    expect(await outcomeOf(company)).toBe('sent')
    expect(await resend('--since', since, '--yes')).toEqual([])
    expect(await resend('--since', since, '--state', 'sent', '--yes')).toMatchObject([
      { resend: 'yes, with the same webhook-id' },
    ])
    await waitFor('the second copy', () => receiver.hooks.filter((hook) => hook.path === path).length === 2)
    expect(receiver.messagesAt(path)).toHaveLength(1)
  })

  test.each([
    [
      'an address outside of the public internet',
      'http://10.1.2.3/x',
      () => receiver.secret,
      'is not in the public internet',
    ],
    ['a secret that is no key', 'http://127.0.0.1:9/x', () => 'xoxb-1', 'is not a key of 24 to 64 bytes'],
  ])('to %s is parked without a call', async (_, destination, secret, reason) => {
    const company = await addCompanyFor({ type: 'WEBHOOK', destination, secretId: addSecret(secret()) })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    expect((await deliveriesOf(database, company))[0]?.reason).toContain(reason)
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
    const company = await addCompanyFor({ type: 'SLACK', destination: room, secretId })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe(outcome)
    expect([slack.calls('webhook', room), slack.postsIn(room).length]).toEqual([calls, messages])
  })

  test('is called at Slack only', async () => {
    const path = `/${unique('hook')}`
    const room = unique('room')
    const company = await addCompanyFor({ type: 'SLACK', destination: room, secretId: addSecret(receiver.url(path)) })
    await sendNews(installation, groupOf(company, source, 1))
    expect(await outcomeOf(company)).toBe('pending, parked')
    expect(receiver.calls(path)).toBe(0)
  })
})
