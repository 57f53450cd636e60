import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createCodec } from '../../schemas/codec.ts'
import type { Change } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { commands as cliCommands } from '../../services/cli/commands.ts'
import { commands as edgeCommands } from '../../services/edge/commands.ts'
import { commands as normalizerCommands } from '../../services/normalizer/commands.ts'
import { commands as notifierCommands } from '../../services/notifier/commands.ts'
import { makeChange } from '../../services/runtime/changes/change-record.ts'
import { actionLink, type MessageAction } from '../../services/runtime/web/signed-links.ts'
import { commands as schedulerCommands } from '../../services/scheduler/commands.ts'
import { expelMembers, readLag } from '../harness/group.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { mailsTo, unique } from '../harness/mailbox.ts'
import { useEdge, type TestEdge } from '../harness/edge/setup.ts'
import {
  addCompany,
  addFollowed,
  addPerson,
  addSource,
  groupOf,
  insertId,
  passThrough,
  sendNews,
} from '../harness/notifier/setup.ts'
import { isKafka, kafkaWire, plain, startProxy } from '../harness/proxy.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

const links = { PUBLIC_URL: 'https://parma.example', LINK_SECRET: 'l'.repeat(32) }

let installation: Installation
let edge: TestEdge
let source: number
let operator: string

beforeAll(async () => {
  installation = await createInstallation()
  const [{ url }] = await Promise.all([
    installation.start('edge', links),
    installation.start('analyzer'),
    installation.start('notifier', {
      ...links,
      GROUP_WAIT_MS: '200',
      BUNDLE_WINDOW_MS: '0',
      COOL_DOWN_MS: '0',
    }),
  ])
  edge = useEdge(installation, url)
  source = await addSource(installation.database)
  operator = await edge.apiKey('operator')
})

type Row = { state: string; message: string }

/** Puts records on the topic, as a forged edge would. */
const send = (...records: { key: string; value: Change }[]) => sendTo(installation, records)

async function sendTo({ env, topics: own }: Installation, records: { key: string; value: Change }[]): Promise<void> {
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const name = own.prefix + topics.changes.name
  const encoded = await Promise.all(
    records.map(async ({ key, value }) => ({ key, value: await codec.encode(topics.changes, name, value) })),
  )
  await own.produce(topics.changes.name, encoded)
}

function outcomeOf(id: string, { database }: Installation = installation): Promise<Row> {
  return waitFor(`the outcome of ${id}`, async () => {
    const [row] = await database.query<Row>('SELECT state, message FROM notifier.change_view WHERE change_id = $1', [
      id,
    ])
    return row
  })
}

/** Asks the edge as an operator and waits for the outcome. */
async function ask(kind: string, payload: object, more: object = {}): Promise<Row & { id: string }> {
  const { status, json } = await edge.call('/api/v1/changes', { token: operator, body: { kind, payload, ...more } })
  expect([status, json]).toMatchObject([202, { change_id: expect.any(String) as string }])
  const id = json['change_id'] as string
  return { id, ...(await outcomeOf(id)) }
}

const auditOf = (id: string) =>
  installation.database.query(
    'SELECT actor, kind, subject, reason, before, after FROM notifier.audit WHERE change_id = $1',
    [id],
  )

describe('a change', () => {
  test('is made once, however often it is asked for, with an audit row', async () => {
    const { database, parma } = installation
    const [person, company] = await Promise.all([addPerson(database, { channels: [] }), addCompany(database)])
    const more = { reason: 'new fund', idempotency_key: 'follow' }
    const first = await ask('notifier.follow.add', { person, company }, more)
    expect(first).toMatchObject({ state: 'done', message: 'You follow it now.' })
    expect((await ask('notifier.follow.add', { person, company }, more)).id).toBe(first.id)
    await send(
      ...[1, 2].map(() => {
        const { key, value } = makeChange(
          { name: 'key:x', role: 'operator' },
          'notifier.follow.add',
          { person, company },
          1,
        )
        return { key, value: { ...value, event_id: first.id } }
      }),
    )
    expect(await ask('notifier.follow.remove', { person, company })).toMatchObject({ state: 'done' })
    expect(await database.query('SELECT FROM company_subscription WHERE user_id = $1', [person])).toEqual([])
    expect(await auditOf(first.id)).toEqual([
      {
        actor: expect.stringMatching(/^key:/) as string,
        kind: 'notifier.follow.add',
        subject: `person:${person}`,
        reason: 'new fund',
        before: null,
        after: { company },
      },
    ])
    const listed = JSON.parse(await parma('audit', 'ls', '--subject', `person:${person}`, '--json')) as {
      kind: string
    }[]
    expect(listed.map(({ kind }) => kind)).toEqual(['notifier.follow.remove', 'notifier.follow.add'])
    expect(await parma('audit', 'ls', '--kind', 'notifier.follow', '--limit', '1')).toContain('follow.remove')
    expect(await parma('audit', 'ls', '--actor', 'key:nobody')).toBe('none\n')
  })

  test('under a key that was used for another one is 422', async () => {
    const person = await addPerson(installation.database, { channels: [] })
    await ask('notifier.quiet.clear', { person }, { idempotency_key: 'k' }).catch(() => undefined)
    const { status, json } = await edge.call('/api/v1/changes', {
      token: operator,
      body: { kind: 'notifier.mute.remove', payload: { person, mute: 1 }, idempotency_key: 'k' },
    })
    expect([status, JSON.stringify(json)]).toEqual([422, expect.stringContaining('used for another change') as string])
  })

  test('that is wrong, internal or asked for without the role is not taken', async () => {
    const viewer = await edge.apiKey('viewer')
    const call = async (body: object, token = operator) => (await edge.call('/api/v1/changes', { token, body })).status
    const payload = { person: 1, company: 1 }
    expect(await call({ kind: 'notifier.follow.add', payload }, viewer)).toBe(403)
    expect(await call({ kind: 'notifier.follow.add', payload: { ...payload, bucket: 2 } })).toBe(422)
    expect(await call({ kind: 'notifier.follow.add', payload: { ...payload, more: 2 } })).toBe(422)
    expect(await call({ kind: 'notifier.sign_in.mail', payload: { person: 1, sign_in: randomUUID() } })).toBe(422)
    expect(await call({ kind: '__proto__', payload })).toBe(422)
    expect((await edge.call(`/api/v1/changes/${randomUUID()}`, { token: operator })).status).toBe(404)
    expect((await edge.call('/api/v1/people/2147483647', { token: operator })).status).toBe(404)
  })

  test('of what does not exist, or is not the actor’s, is refused and leaves nothing', async () => {
    const { database } = installation
    const [ann, bob] = await Promise.all([1, 2].map(() => addPerson(database, { channels: [] })))
    const company = await addCompany(database)
    const owner = await addPerson(database, { channels: [] })
    const bucket = await insertId(
      database,
      'INSERT INTO bucket (title, owner_id, is_public, modified_at) VALUES ($1, $2, false, now())',
      [unique('secret'), owner],
    )
    const mute = await insertMute(bob!)
    const asAnn = { name: `person:${ann}`, role: 'viewer' } as const
    const changes = [
      makeChange(asAnn, 'notifier.mute.remove', { person: bob!, mute }, 1),
      makeChange(asAnn, 'notifier.mute.remove', { person: ann!, mute }, 1),
      makeChange(asAnn, 'notifier.follow.add', { person: ann!, bucket }, 1),
      makeChange(asAnn, 'notifier.follow.add', { person: ann!, company }, 1),
      makeChange({ name: 'link:' + ann, role: 'viewer' }, 'notifier.follow.add', { person: bob!, company }, 1),
      makeChange({ name: 'key:x', role: 'viewer' }, 'notifier.follow.add', { person: bob!, company }, 1),
      makeChange({ name: 'key:x', role: 'operator' }, 'notifier.follow.add', { person: 2 ** 31 - 1, company }, 1),
      makeChange({ name: 'key:x', role: 'operator' }, 'notifier.follow.add', { person: ann!, company: 2 ** 31 - 1 }, 1),
      { key: 'k', value: { ...makeChange(asAnn, 'notifier.quiet.clear', { person: ann! }, 1).value, payload: '{"a' } },
      {
        key: 'k',
        value: { ...makeChange(asAnn, 'notifier.quiet.clear', { person: ann! }, 1).value, kind: 'toString' },
      },
    ]
    await send(...changes)
    const outcomes = await Promise.all(changes.map(({ value }) => outcomeOf(value.event_id)))
    expect(outcomes.map(({ state }) => state)).toEqual(changes.map(() => 'refused'))
    expect(outcomes[0]!.message).toBe('You may change only what is your own.')
    expect(outcomes[2]!.message).toContain('or you may not see it')
    expect(await database.query('SELECT FROM notifier.mute WHERE user_id = $1', [bob])).toHaveLength(1)
    expect(await database.query('SELECT FROM notifier.subscription WHERE user_id = $1', [ann])).toHaveLength(0)
    expect(await database.query('SELECT FROM company_subscription WHERE user_id = ANY($1)', [[ann, bob]])).toEqual([])
    expect(
      await database.query('SELECT FROM notifier.audit WHERE change_id = ANY($1)', [
        changes.map(({ value }) => value.event_id),
      ]),
    ).toEqual([])
  })

  test('that is no change at all is a dead letter, and its neighbours are made', async () => {
    const person = await addPerson(installation.database, { channels: [] })
    const actor = { name: 'key:x', role: 'operator' } as const
    const company = await addCompany(installation.database)
    const good = makeChange(actor, 'notifier.follow.add', { person, company }, 1)
    await send({ key: good.key, value: { ...good.value, event_id: 'no uuid' } }, good)
    expect(await outcomeOf(good.value.event_id)).toMatchObject({ state: 'done' })
    const queue = `${topics.changes.name}.notifier.dlq`
    const dead = await waitFor('a dead letter', async () => {
      const found = await installation.topics.read(queue)
      return found.length > 0 && found
    })
    expect(dead.map(({ headers }) => headers['__dlq.reason'])).toEqual(['invalid'])
  })
})

async function insertMute(person: number): Promise<number> {
  const [row] = await installation.database.query<{ id: number }>(
    'INSERT INTO notifier.mute (user_id, company_id) VALUES ($1, 1) RETURNING mute_id AS id',
    [person],
  )
  return row!.id
}

describe('what a person sets', () => {
  const read = async (person: number) => (await edge.call(`/api/v1/people/${person}`, { token: operator })).json

  test('is what commands set, with the same audit rows', async () => {
    const { database, parma } = installation
    const person = await addPerson(database, { name: unique('Ann'), channels: [] })
    const by = ['--person', String(person)]
    const hours = { from: '22:00', to: '07:00', zone: 'Europe/Berlin', days: [1, 5] }
    await ask('notifier.quiet.set', { person, ...hours })
    await ask('notifier.digest.set', { person, rhythm: 'daily', hour: 7 })
    expect(await read(person)).toMatchObject({
      quiet_hours: [{ ...hours, hold_critical: false }],
      digests: [{ bucket_id: null, rhythm: 'daily', hour: 7, zone: 'UTC', channel_id: null }],
    })
    await parma('quiet', 'set', ...by, '--from', '20:00', '--to', '08:00', '--zone', 'UTC', '--hold-critical')
    await parma('digests', 'set', ...by, '--rhythm', 'weekly', '--weekday', 'friday')
    expect(await read(person)).toMatchObject({
      quiet_hours: [{ from: '20:00', to: '08:00', zone: 'UTC', days: null, hold_critical: true }],
      digests: [{ rhythm: 'weekly', hour: 7, weekday: 5 }],
    })
    await parma('quiet', 'rm', ...by, '--yes')
    await ask('notifier.digest.remove', { person })
    expect(await ask('notifier.digest.remove', { person })).toMatchObject({ state: 'refused' })
    const listed = JSON.parse(await parma('audit', 'ls', '--subject', `person:${person}`, '--json')) as {
      actor: string
      kind: string
      before: unknown
    }[]
    expect(listed.map(({ kind, actor }) => [kind.slice(9), actor.split(':')[0]])).toEqual([
      ['digest.remove', 'key'],
      ['quiet.clear', 'cli'],
      ['digest.set', 'cli'],
      ['quiet.set', 'cli'],
      ['digest.set', 'key'],
      ['quiet.set', 'key'],
    ])
    expect(listed[3]?.before).toMatchObject([{ zone: 'Europe/Berlin', days: [1, 5] }])
  })

  test('and what else commands write is in the audit log, with what was there before', async () => {
    vi.stubEnv('DATABASE_URL', installation.database.url)
    onTestFinished(() => void vi.unstubAllEnvs())
    const groups = { ...edgeCommands, ...notifierCommands, ...normalizerCommands, ...schedulerCommands, ...cliCommands }
    const parma = (noun: keyof typeof groups, ...args: string[]) =>
      runCommand<{ id: number }>(groups[noun], ...args) as Promise<{ id: number } & Record<string, unknown>[]>
    const name = unique('audited')
    const { id: person } = await parma('people', 'add', '--name', name)
    for (const _ of ['once', 'again']) await parma('people', 'edit', String(person), '--admin')
    const mail = `${name}@example.com`
    const { id: channel } = await parma('channels', 'add', '--type', 'email', '--destination', mail)
    await parma('channels', 'edit', String(channel), '--destination', `new-${mail}`)
    await parma('channels', 'rm', String(channel), '--yes')
    const { id: company } = await parma('companies', 'add', '--name', name)
    const link = ['--company', String(company), '--source', String(source)]
    await parma('companies', 'link', ...link, '--property', 'handles', '--value', name)
    await parma('companies', 'rm', String(company), '--yes')
    const fields = ['--name', name, '--endpoint', 'https://module.example', '--frequency', 'weekly']
    const itsSource = String((await parma('sources', 'add', ...fields)).id)
    for (const policy of ['tell', 'none']) await parma('drift', 'policy', itsSource, policy)
    await parma('schedule', 'pause', itsSource, '--reason', 'its API changes', '--by', 'Ann')
    await parma('sources', 'edit', itsSource, '--no-active')
    await parma('sources', 'rm', itsSource, '--yes')

    const listOf = (subject: string) => parma('audit', 'ls', '--subject', subject)
    const kindsOf = async (subject: string) => (await listOf(subject)).map(({ kind }) => kind).toReversed()
    expect(await kindsOf(`person:${person}`)).toEqual(['notifier.person.add', 'notifier.person.edit'])
    const changed = await listOf(`channel:${channel}`)
    expect(changed.map(({ kind }) => kind)).toEqual(['remove', 'edit', 'add'].map((verb) => `notifier.channel.${verb}`))
    expect(changed[1]).toMatchObject({ before: { destination: mail }, after: { destination: `new-${mail}` } })
    expect(await kindsOf(`company:${company}`)).toEqual([
      'edge.company.add',
      'edge.company.link',
      'edge.company.remove',
    ])
    const [removed, edited, paused, ...first] = await listOf(`source:${itsSource}`)
    expect([removed, edited]).toMatchObject([
      { kind: 'edge.source.remove', before: { source_name: name }, after: null },
      { kind: 'edge.source.edit', before: { is_active: true }, after: { is_active: false } },
    ])
    expect(paused).toMatchObject({ kind: 'scheduler.pause', actor: 'cli:Ann', reason: 'its API changes' })
    expect(first).toMatchObject([
      { kind: 'normalizer.drift_policy.set', before: { policy: 'tell' }, after: null },
      { kind: 'normalizer.drift_policy.set', before: null, after: { policy: 'tell' } },
      { kind: 'edge.source.add', before: null },
    ])
  })

  test('as feedback is kept for each news item', async () => {
    const { database } = installation
    const { company, address } = await addFollowed(database)
    const [row] = await database.query<{ user_id: number }>(
      'SELECT user_id FROM company_subscription WHERE company_id = $1',
      [company],
    )
    const person = row!.user_id
    const [news] = groupOf(company, source, 1)
    await sendNews(installation, [news!])
    await waitFor('the mail', async () => (await mailsTo(address)).length === 1)
    const of = { person, news_id: news!.news_id }
    await ask('notifier.feedback.set', { ...of, answer: 'not_useful' })
    await ask('notifier.feedback.set', { ...of, answer: 'snooze', minutes: 60 })
    const until = expect.stringMatching(/^20/) as string
    expect(await read(person)).toMatchObject({
      feedback: [{ news_id: news!.news_id, opinion: 'not_useful', done_at: null, snoozed_until: until }],
    })
    await ask('notifier.feedback.set', { ...of, answer: 'done' })
    expect(await read(person)).toMatchObject({ feedback: [{ done_at: until, snoozed_until: null }] })
    await ask('notifier.feedback.set', { ...of, answer: 'none' })
    expect(await read(person)).toMatchObject({ feedback: [] })
    const stranger = await addPerson(database, { channels: [] })
    const forged = makeChange(
      { name: `person:${stranger}`, role: 'viewer' },
      'notifier.feedback.set',
      { person: stranger, news_id: news!.news_id, answer: 'useful' },
      1,
    )
    await send(forged)
    expect(await outcomeOf(forged.value.event_id)).toMatchObject({ state: 'refused' })
    expect(await ask('notifier.feedback.set', { ...of, news_id: randomUUID(), answer: 'useful' })).toMatchObject({
      ...{ state: 'refused', message: 'There is no such news item, or you may not see it.' },
    })
  })

  test('tests a channel of theirs, and no other; a link to sign in stands in no table', async () => {
    const { database } = installation
    const address = `${unique('ann')}@example.com`
    const shared = `${unique('team')}@example.com`
    const channels = [address, shared].map((destination) => ({ type: 'EMAIL', destination }) as const)
    const person = await addPerson(database, { channels })
    const other = await addPerson(database, { channels: channels.slice(1) })
    const ids = ((await read(person))['channels'] as { channel_id: number }[]).map(({ channel_id }) => channel_id)
    expect(await ask('notifier.channel.test', { person, channel: ids[0] })).toMatchObject({ state: 'done' })
    expect(await ask('notifier.channel.test', { person: other, channel: ids[0] })).toMatchObject({ state: 'refused' })
    await waitFor('the test', async () => (await mailsTo(address)).length === 1)

    const sign_in = randomUUID()
    const link = (channel: number, kind = 'notifier.sign_in.mail' as const) =>
      makeChange({ name: `person:${person}`, role: 'viewer' }, kind, { person, channel, sign_in }, 1)
    const [own, team] = [link(ids[0]!), link(ids[1]!)]
    await send(own, team)
    expect(await outcomeOf(own.value.event_id)).toMatchObject({ state: 'done' })
    expect(await outcomeOf(team.value.event_id)).toMatchObject({ state: 'refused' })
    const [, mail] = await waitFor('the link', async () => {
      const mails = await mailsTo(address)
      return mails.length === 2 && mails
    })
    expect(mail?.subject).toBe('Sign in to parma-analytics')
    const [url] = /https?:\/\/\S*signature=[\w-]{43}/.exec(mail?.text ?? '') ?? []
    expect(url).toContain(`/console/sign-in/link/${sign_in}?`)
    expect(mail?.html).toContain('>Sign in</a>')
    const signature = url!.split('signature=')[1]
    const stored = await database.query('SELECT FROM notifier.notification WHERE message::text LIKE $1', [
      `%${signature}%`,
    ])
    expect(stored).toEqual([])
    expect(await mailsTo(shared)).toEqual([])
  })
})

test('operators say whether more of a measurement is good, and take it back', async () => {
  const { database } = installation
  const measurement = await insertId(
    database,
    `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, 'int', 'Stars', now())`,
    [source],
  )
  const meaning = () =>
    database.query('SELECT polarity, weight FROM analyzer.meaning_view WHERE source_measurement_id = $1', [measurement])
  const set = async (payload: object) => {
    const { status, json } = await edge.call('/api/v1/changes', {
      token: operator,
      body: { kind: 'analyzer.polarity.set', payload: { measurement, ...payload } },
    })
    expect(status).toBe(202)
    await waitFor('the outcome', async () => {
      const { status } = await edge.call(`/api/v1/changes/${json['change_id'] as string}`, { token: operator })
      return status === 200
    })
  }
  await waitFor('the meaning', async () => (await meaning()).length === 1)
  expect(await meaning()).toEqual([{ polarity: 'good', weight: 1 }])
  await set({ polarity: 'bad', weight: 0.3 })
  expect(await meaning()).toEqual([{ polarity: 'bad', weight: 0.3 }])
  await set({ polarity: 'neither' })
  expect(await meaning()).toEqual([{ polarity: 'neither', weight: 1 }])
  await set({ polarity: 'default' })
  expect(await meaning()).toEqual([{ polarity: 'good', weight: 1 }])
  const viewer = await edge.apiKey('viewer')
  const forbidden = { kind: 'analyzer.polarity.set', payload: { measurement, polarity: 'bad' } }
  expect((await edge.call('/api/v1/changes', { token: viewer, body: forbidden })).status).toBe(403)
})

describe('a link in a message', () => {
  async function sendFollowed() {
    const { company, address } = await addFollowed(installation.database)
    const [row] = await installation.database.query<{ user_id: number }>(
      'SELECT user_id FROM company_subscription WHERE company_id = $1',
      [company],
    )
    const [news] = groupOf(company, source, 1)
    await sendNews(installation, [news!])
    await waitFor('the mail', async () => (await mailsTo(address)).length === 1)
    return { person: row!.user_id, newsId: news!.news_id, company }
  }
  const pathOf = (act: MessageAction, until = Date.now() + 60_000) =>
    actionLink(links, act, until)!.replace(links.PUBLIC_URL, '')
  const post = (path: string, body = '', headers: Record<string, string> = {}) =>
    edge.call(path, {
      ...{ method: 'POST', body },
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
  const mutesOf = (person: number) =>
    installation.database.query('SELECT company_id, until IS NULL AS forever FROM notifier.mute WHERE user_id = $1', [
      person,
    ])

  test('asks on GET and changes nothing; POST acts once, however often it is sent', async () => {
    const { person, newsId, company } = await sendFollowed()
    const path = pathOf({ person, newsId, action: 'mute-company' })
    const shown = await edge.call(path)
    expect([shown.status, shown.text]).toEqual([200, expect.stringContaining('Mute this company?') as string])
    expect(await edge.call(path)).toMatchObject({ status: 200 })
    expect(await mutesOf(person)).toEqual([])
    const [first, second] = [await post(path, 'for=ever'), await post(path, 'for=ever')]
    expect([first.status, second.text]).toEqual([200, first.text])
    expect(first.text).toContain('until you end the mute')
    expect(await mutesOf(person)).toEqual([{ company_id: company, forever: true }])
    expect((await post(path, 'for=century')).status).toBe(422)
    const listed = await installation.parma('audit', 'ls', '--actor', `link:${person}`, '--json')
    expect(JSON.parse(listed)).toMatchObject([{ kind: 'notifier.mute.add', reason: 'link in a message' }])
  })

  test('says whether a news item was useful', async () => {
    const { person, newsId } = await sendFollowed()
    expect((await post(pathOf({ person, newsId, action: 'useful' }))).text).toContain('stand higher')
    expect((await post(pathOf({ person, newsId, action: 'not-useful' }))).text).toContain('stand lower')
    const rows = await installation.database.query('SELECT opinion FROM notifier.feedback WHERE user_id = $1', [person])
    expect(rows).toEqual([{ opinion: 'not_useful' }])
  })

  test('that is forged, expired or sent from elsewhere does nothing', async () => {
    const { person, newsId } = await sendFollowed()
    const act = { person, newsId, action: 'mute-company' } as const
    const path = pathOf(act)
    const other = await addPerson(installation.database, { channels: [] })
    const forged = path.replace(`/act/${person}/`, `/act/${other}/`)
    expect([(await edge.call(forged)).status, (await post(forged)).status]).toEqual([403, 403])
    expect((await post(path.replace('mute-company', 'mute-series'))).status).toBe(403)
    const expired = pathOf(act, Date.now() - 1)
    expect([(await edge.call(expired)).status, (await post(expired)).status]).toEqual([410, 410])
    expect((await post(path, '', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await post(path, '', { origin: 'https://evil.example' })).status).toBe(403)
    const stranger = pathOf({ ...act, person: other })
    expect(await post(stranger)).toMatchObject({
      status: 409,
      text: expect.stringContaining('may not see it') as string,
    })
    expect([await mutesOf(person), await mutesOf(other)]).toEqual([[], []])
    expect((await post(path, 'for=week', { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })
})

describe('a mute', () => {
  test('of a news item’s series ends at the first news item that is worse', async () => {
    const { database } = installation
    const { company, address } = await addFollowed(database)
    const [{ user_id: person }] = (await database.query<{ user_id: number }>(
      'SELECT user_id FROM company_subscription WHERE company_id = $1',
      [company],
    )) as [{ user_id: number }]
    const newsOf = (current: number) =>
      groupOf(company, source, 1, { title: `Stars fell to ${current}`, previous: '1000', current: String(current) })
    const [first] = newsOf(900)
    await sendNews(installation, [first!])
    await waitFor('the first mail', async () => (await mailsTo(address)).length === 1)
    const mute = { person, news_id: first!.news_id, scope: 'series', until_worse: true }
    expect(await ask('notifier.mute.add', mute)).toMatchObject({
      ...{ state: 'done', message: 'You get no messages about it until it gets worse.' },
    })
    const shown = await edge.call(`/api/v1/people/${person}`, { token: operator })
    expect(shown.json).toMatchObject({ mutes: [{ company_id: company, until_worse: true, item_key: '' }] })

    await sendNews(installation, newsOf(870))
    const elsewhere = groupOf(company, source, 1, { title: 'Forks fell', item_key: 'forks' })
    await sendNews(installation, elsewhere)
    await waitFor('the mail about another series', async () => (await mailsTo(address)).length === 2)
    await sendNews(installation, newsOf(700))
    await waitFor('the mail about what is worse', async () => (await mailsTo(address)).length === 3)
    await sendNews(installation, newsOf(690))
    await waitFor('the mail after the mute', async () => (await mailsTo(address)).length === 4)
    await passThrough(installation, source)
    const subjects = (await mailsTo(address)).map(({ subject }) => subject.replace(/^.*: /, ''))
    expect(subjects.sort()).toEqual(['Forks fell', 'Stars fell to 690', 'Stars fell to 700', 'Stars fell to 900'])
  })

  test('of a bucket is about its companies only', async () => {
    const { database } = installation
    const [one, other] = await Promise.all([addCompany(database), addCompany(database)])
    const address = `${unique('ann')}@example.com`
    const channels = [{ type: 'EMAIL', destination: address } as const]
    const person = await addPerson(database, { companies: [one, other], channels })
    const bucket = await insertId(
      database,
      'INSERT INTO bucket (title, owner_id, is_public, modified_at) VALUES ($1, $2, false, now())',
      [unique('rivals'), person],
    )
    await database.query(
      'INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at) VALUES ($1, $2, now())',
      [one, bucket],
    )
    expect(await ask('notifier.mute.add', { person, bucket, minutes: 60 })).toMatchObject({ state: 'done' })
    await sendNews(installation, [...groupOf(one, source, 1)])
    await sendNews(installation, [...groupOf(other, source, 1, { title: 'Other rose' })])
    await waitFor('one mail', async () => (await mailsTo(address)).length === 1)
    await passThrough(installation, source)
    expect((await mailsTo(address)).map(({ subject }) => subject)).toEqual([expect.stringContaining('Other rose')])
    const reasons = await database.query('SELECT kept_back FROM notifier.item_delivery WHERE company_id = $1', [one])
    expect(reasons).toEqual([{ kept_back: 'muted' }])
  })
})

describe('kill -9 of the notifier', () => {
  test.each([
    ['between a change and its audit row', 'postgres', (message: Buffer) => message.includes('"notifier"."audit"'), 0],
    ['after its commit, before its offset', 'kafka', isKafka('offset-commit'), 1],
  ] as const)('%s, leaves one of everything', { timeout: 240_000 }, async (_, server, matches, outcomes) => {
    const own = await createInstallation()
    const { database, env } = own
    const url = new URL(env.DATABASE_URL ?? '')
    const kafka = env.KAFKA_BROKERS ?? ''
    const proxies = { kafka: await startProxy(kafka, kafkaWire(kafka)), postgres: await startProxy(url.host, plain) }
    url.host = proxies.postgres.address
    const first = await own.start('notifier', { KAFKA_BROKERS: proxies.kafka.address, DATABASE_URL: url.href })
    const person = await addPerson(database, { channels: [] })
    const [before, change, after] = [1, 2, 3].map((company) => {
      const actor = { name: 'key:x', role: 'operator' } as const
      return makeChange(actor, 'notifier.mute.add', { person, source: company }, 1)
    })
    const group = own.topics.prefix + 'notifier'
    const lag = () => readLag(group, own.topics.prefix + topics.changes.name)
    await sendTo(own, [before!])
    await waitFor('the first change', async () => (await lag()) === 0)

    const { held } = proxies[server].hold('request', matches)
    await sendTo(own, [change!])
    await held
    const known = 'SELECT FROM notifier.change WHERE change_id = $1'
    await waitFor('its state', async () => (await database.query(known, [change!.value.event_id])).length === outcomes)
    await first.kill()
    await expelMembers(group)
    await own.start('notifier')
    await sendTo(own, [change!, after!])
    for (const one of [change, after])
      expect(await outcomeOf(one!.value.event_id, own)).toMatchObject({ state: 'done' })
    await waitFor('all to be committed', async () => (await lag()) === 0)
    const mutes = await database.query('SELECT data_source_id FROM notifier.mute WHERE user_id = $1 ORDER BY 1', [
      person,
    ])
    expect(mutes).toEqual([1, 2, 3].map((data_source_id) => ({ data_source_id })))
    const audit = await database.query('SELECT change_id FROM notifier.audit ORDER BY audit_id')
    expect(audit).toEqual([before, change, after].map((one) => ({ change_id: one!.value.event_id })))
    expect(await own.topics.read(`${topics.changes.name}.notifier.dlq`)).toEqual([])
  })
})
