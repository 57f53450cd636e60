import { randomUUID } from 'node:crypto'
import { v5 as uuidv5 } from 'uuid'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Output, output, type Publish } from '#runtime/kafka/output.ts'
import { openPublisher } from '#runtime/open-kafka.ts'
import { addToOutbox, startOutbox } from '#runtime/outbox/outbox.ts'
import { type Database, openPool } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { TransientError } from '#runtime/calls/retry.ts'
import { createCodec } from '#schemas/codec.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createContext } from '../harness/context.ts'
import { expelMembers, limitRecords } from '../harness/group.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { normalizerBench } from '../harness/normalizer/setup.ts'
import { readOutbox } from '../harness/outbox.ts'
import { isKafka, kafkaWire, startProxy } from '../harness/proxy.ts'
import { waitFor } from '../harness/wait-for.ts'

const settings = { ...kafkaSettings, ...producerSettings, ...postgresSettings }
const isPublished = async ({ database }: Installation, service: string) =>
  (await database.query(`SELECT FROM ${service}.outbox WHERE published_at IS NULL`)).length === 0

function event(subject: string, changes: Partial<OpsEvent> = {}): OpsEvent {
  return {
    ...{ event_id: randomUUID(), kind: 'drift', service: 'normalizer', data_source_id: 1, subject, message: 'm' },
    ...{ resolved: false, dedupe_key: subject, at: 1, facts: {} },
    ...changes,
  }
}

describe('within a process', () => {
  let installation: Installation
  let pool: Database
  let publish: Publish
  beforeAll(async () => {
    installation = await createInstallation()
    const config = readEnv(settings, { ...installation.env, DATABASE_POOL_SIZE: '12' })
    pool = await openPool(config)
    onCleanup(() => pool.end())
    publish = await openPublisher(config, createContext('test').context)
  })
  const write = (...events: OpsEvent[]) => pool.transaction((tx) => addToOutbox(tx, 'normalizer', events))
  const idsOf = (outputs: readonly Output[]) => outputs.map(({ eventId }) => eventId)

  test('each event is published once, in the order written, however many replicas there are', async () => {
    const sent: string[] = []
    const recorded: Publish = async (outputs) => {
      await publish(outputs)
      sent.push(...idsOf(outputs))
    }
    const wakes = Array.from({ length: 3 }, () => startOutbox(createContext('normalizer').context, pool, recorded))
    const events = Array.from({ length: 1200 }, (_, n) => event(String(n), { data_source_id: n % 5 }))
    for (let at = 0; at < events.length; at += 40) {
      await write(...events.slice(at, at + 40))
      for (const wake of wakes) wake()
    }
    await waitFor('all to be published', () => isPublished(installation, 'normalizer'))
    expect(sent).toEqual(events.map(({ event_id }) => event_id))
    const records = await installation.topics.read(topics.opsEvents.name)
    expect(records.map(({ headers }) => headers.event_id).sort()).toEqual(sent.toSorted())
    const ofSource = (id: number) => events.filter((one) => one.data_source_id === id).map((one) => one.event_id)
    for (let id = 0; id < 5; id++)
      expect(records.filter(({ key }) => key === String(id)).map(({ headers }) => headers.event_id)).toEqual(
        ofSource(id),
      )
  })

  test('what is rolled back is never published, and what is written again is not published again', async () => {
    const sent: string[] = []
    const [lost, kept] = [event('lost'), event('kept')]
    const rolledBack = pool.transaction(async (tx) => {
      await addToOutbox(tx, 'normalizer', [lost])
      throw new Error('rolled back')
    })
    await expect(rolledBack).rejects.toThrow('rolled back')
    await write(kept)
    const wake = startOutbox(
      createContext('normalizer').context,
      pool,
      async (outputs) => void sent.push(...idsOf(outputs)),
    )
    await waitFor('it to be published', () => isPublished(installation, 'normalizer'))
    const last = event('last')
    await write(kept, last)
    wake()
    await waitFor('the last to be published', () => isPublished(installation, 'normalizer'))
    expect(sent).toEqual([kept.event_id, last.event_id])
  })

  test('while the broker does not answer events wait, and are then published in order', async () => {
    const sent: string[] = []
    let attempts = 0
    const { context, failures } = createContext('normalizer')
    startOutbox(context, pool, async (outputs) => {
      if (++attempts < 4) throw new TransientError('no broker')
      sent.push(...idsOf(outputs))
    })
    const [first, second] = [event('first'), event('second')]
    await write(first)
    await waitFor('an attempt', () => attempts > 0)
    await write(second)
    await waitFor('all to be published', () => isPublished(installation, 'normalizer'))
    expect(sent).toEqual([first.event_id, second.event_id])
    expect(failures).toEqual([])
  })

  test('a row that cannot be published is set aside and told, those after it are published in order', async () => {
    const before = (await installation.topics.read(topics.opsEvents.name)).length
    const large = event('large', { facts: { all: 'x'.repeat(3_000_000) }, message: 'm'.repeat(3_000_000) })
    const [first, many, unlike, last] = [event('first'), event('many'), event('unlike'), event('last')]
    many.facts = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`${n}`, 'x'.repeat(4000)]))
    await write(first)
    // As a version of before the clipping wrote it, and as another that has other types.
    for (const row of [large, many, { ...unlike, facts: { n: 1 } }])
      await installation.database.query('INSERT INTO normalizer.outbox (event_id, event) VALUES ($1, $2)', [
        row.event_id,
        JSON.stringify(row),
      ])
    await write(last)
    await limitRecords(installation.topics.prefix + topics.opsEvents.name, 100_000)
    const { context, failures } = createContext('normalizer')
    startOutbox(context, pool, publish)
    await waitFor('all to be published', () => isPublished(installation, 'normalizer'))
    await limitRecords(installation.topics.prefix + topics.opsEvents.name, 1024 * 1024)
    const codec = createCodec(createRegistry(installation.env.SCHEMA_REGISTRY_URL ?? ''))
    const records = await installation.topics.read(topics.opsEvents.name)
    const sent = new Map(
      await Promise.all(
        records.map(async ({ value }) => {
          const read = await codec.decode(topics.opsEvents, value)
          return [read.event_id, read] as const
        }),
      ),
    )
    expect(sent.size - before).toBe(5)
    expect(sent.get(first.event_id)).toEqual(first)
    expect(sent.get(last.event_id)).toEqual(last)
    expect(sent.get(large.event_id)).toMatchObject({ kind: 'drift', subject: 'large' })
    expect(sent.get(large.event_id)?.message).toMatch(/^m{3996}… \(2,996,004 more characters\)$/)
    expect(sent.get(large.event_id)?.facts.all).toMatch(/^x{3996}… /)
    for (const { event_id } of [many, unlike])
      expect(sent.get(event_id)).toMatchObject({ kind: 'event-set-aside', service: 'normalizer', resolved: false })
    expect(sent.get(unlike.event_id)?.message).toContain('facts.n is the number 1, not string')
    expect(failures).toEqual([])
  })

  test('a large event is clipped before it is stored', async () => {
    const large = event('large', { message: 'm'.repeat(3_000_000), dedupe_key: 'k'.repeat(3000) })
    await write(large)
    const [written] = (await readOutbox(installation.database, 'normalizer')).slice(-1)
    expect(written?.message).toMatch(/^m{3996}… /)
    expect(written?.dedupe_key).toMatch(/^k{1900}… sha256:/)
  })

  test('a broker that answers late does not cost the transaction its lock', async () => {
    const config = readEnv(settings, { ...installation.env, DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: '1000' })
    const impatient = await openPool(config)
    onCleanup(() => impatient.end())
    const sent: string[] = []
    const { context, failures } = createContext('normalizer')
    startOutbox(context, impatient, async (outputs) => {
      sent.push(...idsOf(outputs))
      await waitFor('a transaction that is three times as old as it may be idle', async () => {
        const old = await installation.database.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now() - interval '3 s'`,
        )
        return old.length > 0
      })
    })
    const late = event('late')
    await write(late)
    await waitFor('it to be published', () => isPublished(installation, 'normalizer'))
    expect(sent.filter((id) => id === late.event_id)).toHaveLength(1)
    expect(failures).toEqual([])
  })

  test('text that Postgres cannot hold does not undo what is reported', async () => {
    const odd = event('odd', { message: 'a\0b \ud800 "\\', facts: { path: '\0' } })
    await write(odd)
    const [written] = (await readOutbox(installation.database, 'normalizer')).slice(-1)
    expect(written).toEqual({ ...odd, message: 'a\ufffdb \ufffd "\\', facts: { path: '\ufffd' } })
    expect(output(topics.opsEvents, '1', odd.event_id, written as OpsEvent).eventId).toBe(odd.event_id)
  })
})

describe('kill -9 of a service', () => {
  test.each([
    { at: 'after the commit, before its event is published', hold: 'request', published: 1 },
    { at: 'after its event is published, before that is noted', hold: 'answer', published: 2 },
  ] as const)('$at, loses none, and each has one id', async ({ hold, published }) => {
    const installation = await createInstallation()
    const bench = normalizerBench(installation)
    const source = await bench.addSource([{ SourceField: 'name', DataType: 'text' }])
    const broker = installation.env.KAFKA_BROKERS ?? ''
    const proxy = await startProxy(broker, kafkaWire(broker))
    const service = await installation.start('normalizer', { KAFKA_BROKERS: proxy.address })
    // Refused as a whole: it makes an event and no observation, so nothing else is produced.
    const { held } = proxy.hold(hold, isKafka('produce'))
    const payload = bench.payload(source, 999_999, { name: 'a' })
    await bench.feed([payload])
    await held
    expect(await bench.settled([payload])).toEqual(['unknown-company'])
    expect(await isPublished(installation, 'normalizer')).toBe(false)
    await service.kill()
    await expelMembers(`${installation.topics.prefix}normalizer`)

    await installation.start('normalizer')
    await waitFor('the event to be published', () => isPublished(installation, 'normalizer'))
    const events = await bench.opsEvents(source)
    const dedupeKey = `normalizer/unknown-company/${source.id}/999999`
    expect(events.map(({ event_id }) => event_id)).toEqual(
      Array.from({ length: published }, () => uuidv5(dedupeKey, payload.event_id)),
    )
  })
})

describe('what services from before the outbox left unpublished', () => {
  test('is published by the scheduler: incidents that have begun, that are over, and both', async () => {
    const installation = await createInstallation()
    await installation.database.query(
      `INSERT INTO scheduler.story (dedupe_key, kind, data_source_id, subject, message, facts, opened_at, resolved_at, open_told, end_told)
       VALUES ('stale/1', 'stale', 1, 'begun', 'm', '{}', '2026-01-01T00:00:00Z', NULL, false, false),
         ('stale/2', 'stale', 2, 'over', 'm', '{}', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', true, false),
         ('stale/3', 'stale', 3, 'both', 'm', '{}', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', false, false),
         ('stale/4', 'stale', 4, 'known', 'm', '{}', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', true, true)`,
    )
    const { opsEvents } = normalizerBench(installation)
    await installation.start('scheduler')
    const [begun, over] = [Date.parse('2026-01-01T00:00:00Z'), Date.parse('2026-01-02T00:00:00Z')]
    const idOf = (key: string, resolved: boolean) =>
      uuidv5(JSON.stringify([key, resolved, resolved ? over : begun]), '5b0f4a52-0a3c-4f0d-8f36-9d1c6f7f8c11')
    const told = async (id: number) =>
      (await opsEvents({ id, name: '', mappings: [] })).map(({ event_id, resolved }) => [event_id, resolved])
    await waitFor('all to be published', async () => (await told(3)).length === 2)
    expect((await told(1))[0]).toEqual([idOf('stale/1', false), false])
    expect(await told(2)).toEqual([[idOf('stale/2', true), true]])
    expect(await told(3)).toEqual([
      [idOf('stale/3', false), false],
      [idOf('stale/3', true), true],
    ])
    expect(await told(4)).toEqual([])
  })

  test('is published by the notifier: destinations that were parked and channels that were down', async () => {
    const installation = await createInstallation()
    const at = '2026-01-01T00:00:00Z'
    await installation.database.query(
      `WITH d AS (
         INSERT INTO notifier.destination (channel, address) VALUES ('SLACK', 'alerts') RETURNING destination_id
       ) INSERT INTO notifier.parking (destination_id, resolved, reason, at) SELECT destination_id, false, 'bad', $1 FROM d`,
      [at],
    )
    await installation.database.query(
      `INSERT INTO notifier.parking (channel, resolved, reason, at) VALUES ('EMAIL', true, '', $1)`,
      [at],
    )
    await installation.start('notifier')
    await waitFor('all to be taken', async () => {
      const left = await installation.database.query('SELECT FROM notifier.parking')
      return left.length === 0 && (await isPublished(installation, 'notifier'))
    })
    const idOf = (subject: number | string, resolved: boolean) =>
      uuidv5(JSON.stringify([subject, resolved, Date.parse(at)]), '2f9d3c7e-64a1-4a0f-9a51-0c9d5f0f7b6e')
    const records = await installation.topics.read(topics.opsEvents.name)
    expect(records.map(({ headers, key }) => [headers.event_id, key]).sort()).toEqual(
      [idOf(1, false), idOf('EMAIL', true)].map((id) => [id, 'notifier']).sort(),
    )
  })
})
