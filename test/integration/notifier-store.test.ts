import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Answer } from '../../services/notifier/channels/answer.ts'
import type { NextStep } from '../../services/notifier/delivery/decide-next.ts'
import {
  claimDeliveries,
  type ClaimedDelivery,
  closeUndeliverable,
  returnUncalled,
} from '../../services/notifier/delivery/claim.ts'
import { recordAnswers } from '../../services/notifier/delivery/record.ts'
import { findAdministratorChannels, findFollowers } from '../../services/notifier/people/recipients.ts'
import {
  findFirstGroup,
  findFirstOpsEvent,
  postponeGroup,
  postponeOpsEvent,
} from '../../services/notifier/plan/postpone.ts'
import { type Database, openPool } from '../../services/runtime/postgres/database.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase, type TestDatabase } from '../harness/database.ts'
import { addCompany, addPerson, insertId, type Reach } from '../harness/notifier/setup.ts'

let database: TestDatabase
let pool: Database

beforeAll(async () => {
  database = await createDatabase()
  pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '8' }))
  onCleanup(() => pool.end())
})

describe('audience', () => {
  async function destinationsOf(company: number, strict: boolean): Promise<string[]> {
    const followers = await pool.transaction((tx) => findFollowers(tx, [company], strict))
    return followers.flatMap(({ channel }) => (channel ? `${channel.user_name} ${channel.destination}` : []))
  }
  const reach = (destination: string, purpose: Reach['purpose']): Reach => ({ type: 'SLACK', destination, purpose })

  test('of REPORT channels only those of people without any other, unless strict', async () => {
    const company = await addCompany(database)
    await addPerson(database, {
      name: 'Ann',
      companies: [company],
      channels: [reach('ann-a', 'REPORT'), reach('ann-b', 'REPORT')],
    })
    await addPerson(database, {
      name: 'Bob',
      companies: [company],
      channels: [reach('bob-a', 'REPORT'), reach('bob-b', 'NOTIFICATION')],
    })
    await addPerson(database, { name: 'Cyd', channels: [reach('cyd', 'NOTIFICATION')] })
    expect(await destinationsOf(company, false)).toEqual(['Ann ann-a', 'Ann ann-b', 'Bob bob-b'])
    expect(await destinationsOf(company, true)).toEqual(['Bob bob-b'])
  })

  test('is company_subscription and news_subscription together', async () => {
    const company = await addCompany(database)
    const both = await addPerson(database, {
      name: 'Dan',
      companies: [company],
      channels: [reach('dan', 'NOTIFICATION')],
    })
    const news = await addPerson(database, { name: 'Eve', channels: [reach('eve', 'NOTIFICATION')] })
    for (const person of [both, news])
      await database.query('INSERT INTO news_subscription (user_id, company_id, modified_at) VALUES ($1, $2, now())', [
        person,
        company,
      ])
    expect(await destinationsOf(company, false)).toEqual(['Dan dan', 'Eve eve'])
  })

  test('of operations are the administrators', async () => {
    await addPerson(database, { name: 'Root', role: 'ADMIN', channels: [reach('root', 'REPORT')] })
    const channels = await pool.transaction((tx) => findAdministratorChannels(tx, false))
    expect(channels.map(({ user_name }) => user_name)).toEqual(['Root'])
    expect(await pool.transaction((tx) => findAdministratorChannels(tx, true))).toEqual([])
  })
})

describe('claims', () => {
  let company: number
  let source: number
  beforeAll(async () => {
    company = await addCompany(database, 'claimed')
    source = await insertId(
      database,
      `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at) VALUES ('npm', true, 'DAILY', 'UP', now())`,
      [],
    )
  })

  /** `messages` due messages to each of `destinations` destinations of a kind of channel of its own. */
  async function addDue(channel: string, destinations: number, messages: number): Promise<void> {
    await database.query(
      `WITH t AS (
         INSERT INTO notifier.destination (channel, address) SELECT $1, 'd' || n FROM generate_series(1, $2::int) n RETURNING destination_id
       ), m AS (
         INSERT INTO notifier.notification (notification_id, kind, company_id, data_source_id, message)
         SELECT gen_random_uuid(), 'news', $4, $5, '{"subject": "claimed: Stars rose"}' FROM generate_series(1, $3::int) RETURNING notification_id
       )
       INSERT INTO notifier.delivery (notification_id, destination_id, people, state, due_at)
       SELECT notification_id, destination_id, '[]', 'pending', now() FROM t, m`,
      [channel, destinations, messages, company, source],
    )
  }
  const holder = randomUUID()
  const claim = (channel: string, limit: number, leaseMs: number) =>
    claimDeliveries(pool, { channel, holder, limit, leaseMs })
  const sent = { state: 'sent', dueInMs: null, reason: null, reference: 'r', parks: false } as const
  async function record(claimed: ClaimedDelivery, answer: Answer, next: NextStep): Promise<boolean | undefined> {
    const policy = { writePublic: true, parkAfterFailures: 3 }
    return (await recordAnswers(pool, [{ claimed, answer, next, tookMs: 1 }], policy))[0]
  }

  test('of many at once never overlap, and never two to one destination', async () => {
    await addDue('MANY', 20, 5)
    const claimed: number[] = []
    const busy = new Set<string>()
    async function work(): Promise<void> {
      for (;;) {
        const mine = await claim('MANY', 3, 60_000)
        if (mine.length === 0) return
        for (const delivery of mine) {
          expect(busy).not.toContain(delivery.address)
          busy.add(delivery.address)
          claimed.push(delivery.delivery_id)
        }
        // Let go before the database does.
        for (const { address } of mine) busy.delete(address)
        const answered = mine.map((delivery) => ({
          ...{ claimed: delivery, answer: { kind: 'sent', reference: 'r' } as const, tookMs: 1 },
          next: { ...sent, holdMs: 0 },
        }))
        const policy = { writePublic: true, parkAfterFailures: 3 }
        expect(await recordAnswers(pool, answered, policy)).toEqual(mine.map(() => true))
      }
    }
    while (claimed.length < 100) await Promise.all([work(), work(), work(), work()])
    expect(new Set(claimed).size).toBe(100)
    const told = await database.query('SELECT message FROM notification WHERE company_id = $1', [company])
    expect(told).toEqual(Array(5).fill({ message: 'claimed: Stars rose' }))
  })

  test('keep the pace of a destination', async () => {
    await addDue('PACED', 1, 2)
    const [first] = await claim('PACED', 10, 60_000)
    expect(await claim('PACED', 10, 60_000)).toEqual([])
    await record(first!, { kind: 'sent', reference: 'r' }, { ...sent, holdMs: 60_000 })
    expect(await claim('PACED', 10, 60_000)).toEqual([])
    await database.query(`UPDATE notifier.destination SET free_at = now() WHERE channel = 'PACED'`)
    expect(await claim('PACED', 10, 60_000)).toHaveLength(1)
  })

  test('that have lapsed write nothing over what their successor did', async () => {
    await addDue('LAPSED', 1, 1)
    const [first] = await claim('LAPSED', 1, 1)
    await database.query(`UPDATE notifier.delivery SET state = 'unknown', due_at = now() WHERE delivery_id = $1`, [
      first!.delivery_id,
    ])
    await database.query(`UPDATE notifier.destination SET free_at = now() WHERE channel = 'LAPSED'`)
    const [second] = await claim('LAPSED', 1, 60_000)
    expect(second).toMatchObject({ delivery_id: first!.delivery_id, action: 'find', claim: first!.claim + 1 })
    const late = { ...sent, state: 'failed', holdMs: 0, reason: 'late', reference: null } as const
    expect(await record(first!, { kind: 'refused', concerns: 'message', reason: 'late' }, late)).toBe(false)
    expect(await record(second!, { kind: 'sent', reference: 'r' }, { ...sent, holdMs: 0 })).toBe(true)
    const attempts = await database.query(
      'SELECT action, outcome FROM notifier.attempt WHERE delivery_id = $1 ORDER BY 1',
      [first!.delivery_id],
    )
    expect(attempts).toEqual([
      { action: 'find', outcome: 'sent' },
      { action: 'send', outcome: 'refused' },
    ])
  })

  test('of one destination are written back one after the other', async () => {
    await addDue('TWICE', 1, 2)
    const [first] = await claim('TWICE', 1, 60_000)
    await database.query(`UPDATE notifier.destination SET free_at = now() WHERE channel = 'TWICE'`)
    const [second] = await claim('TWICE', 1, 60_000)
    const failed = { ...sent, state: 'failed', holdMs: 0, reason: 'bad', reference: null } as const
    const answer = { kind: 'refused', concerns: 'message', reason: 'bad' } as const
    const answered = [first!, second!].map((claimed) => ({ claimed, answer, next: failed, tookMs: 1 }))
    expect(await recordAnswers(pool, answered, { writePublic: true, parkAfterFailures: 3 })).toEqual([true, true])
    expect(await database.query(`SELECT failures FROM notifier.destination WHERE channel = 'TWICE'`)).toEqual([
      { failures: 2 },
    ])
  })

  test('whose answer was lost are due again, those under way are not', async () => {
    await addDue('LOST', 2, 1)
    const [known, unknown] = await claim('LOST', 10, 60_000)
    await returnUncalled(pool, randomUUID(), [])
    expect(await claim('LOST', 10, 60_000)).toEqual([])
    await returnUncalled(pool, holder, [known!.delivery_id])
    expect((await claim('LOST', 10, 60_000)).map(({ delivery_id }) => delivery_id)).toEqual([unknown!.delivery_id])
  })

  test('are written back when the company is gone', async () => {
    await addDue('ORPHAN', 1, 1)
    await database.query(`UPDATE notifier.notification SET company_id = 999999 WHERE told_at IS NULL`)
    const [delivery] = await claim('ORPHAN', 1, 60_000)
    expect(await record(delivery!, { kind: 'sent', reference: 'r' }, { ...sent, holdMs: 0 })).toBe(true)
  })

  const failed = { ...sent, state: 'failed', holdMs: 0, reason: 'bad', reference: null } as const
  const refused = { kind: 'refused', concerns: 'message', reason: 'bad' } as const
  const parkingOf = (channel: string) =>
    database.query(
      `SELECT failures, parked_reason, (SELECT json_agg((event ->> 'resolved')::bool ORDER BY outbox_no) FROM notifier.outbox WHERE event ->> 'dedupe_key' = 'notifier/destination-parked/' || t.destination_id) AS told
       FROM notifier.destination t WHERE channel = $1`,
      [channel],
    )

  test('of a destination end where so many messages in a row failed there, until one arrives', async () => {
    await addDue('BAD', 1, 5)
    for (const next of [failed, failed, { ...sent, holdMs: 0 }, failed, failed]) {
      const [delivery] = await claim('BAD', 1, 60_000)
      expect(await record(delivery!, refused, next)).toBe(true)
    }
    expect(await parkingOf('BAD')).toEqual([{ failures: 2, parked_reason: null, told: null }])
    await database.query(
      `UPDATE notifier.delivery SET state = 'pending', due_at = now() FROM notifier.destination t WHERE t.channel = 'BAD' AND delivery.destination_id = t.destination_id`,
    )
    const [last] = await claim('BAD', 1, 60_000)
    await record(last!, refused, failed)
    expect(await parkingOf('BAD')).toEqual([
      { failures: 3, parked_reason: '3 messages in a row failed, the last: bad', told: [false] },
    ])
    expect(await claim('BAD', 1, 60_000)).toEqual([])

    // Only a test gets through, and its success ends it.
    await database.query(`UPDATE notifier.delivery SET due_at = '-infinity' WHERE delivery_id = $1`, [
      last!.delivery_id,
    ])
    await database.query(`UPDATE notifier.delivery SET state = 'pending' WHERE delivery_id = $1`, [last!.delivery_id])
    const [test] = await claim('BAD', 1, 60_000)
    expect(test).toMatchObject({ delivery_id: last!.delivery_id })
    await record(test!, { kind: 'sent', reference: 'r' }, { ...sent, holdMs: 0 })
    expect(await parkingOf('BAD')).toEqual([{ failures: 0, parked_reason: null, told: [false, true] }])
    expect(await claim('BAD', 1, 60_000)).toHaveLength(1)
  })

  test('of a parked destination wait until they are too old, of an unsubscribed one not at all', async () => {
    await addDue('CLOSED', 3, 1)
    const statesOf = () =>
      database.query(
        `SELECT t.address, d.state, d.reason, d.due_at IS NOT NULL AS is_due FROM notifier.delivery d JOIN notifier.destination t USING (destination_id)
         WHERE t.channel = 'CLOSED' ORDER BY 1`,
      )
    await database.query(
      `UPDATE notifier.destination SET parked_at = CASE address WHEN 'd2' THEN now() END, parked_reason = 'gone',
         unsubscribed_at = CASE address WHEN 'd3' THEN now() END WHERE channel = 'CLOSED'`,
    )
    await closeUndeliverable(pool, 'CLOSED', 60_000)
    expect((await claim('CLOSED', 10, 60_000)).map(({ address }) => address)).toEqual(['d1'])
    const [open, waiting, ended] = await statesOf()
    expect(open).toMatchObject({ state: 'sending' })
    expect(waiting).toEqual({ address: 'd2', state: 'pending', reason: null, is_due: true })
    expect(ended).toEqual({ address: 'd3', state: 'failed', reason: 'unsubscribed', is_due: false })
    await closeUndeliverable(pool, 'CLOSED', 0)
    expect((await statesOf())[1]).toEqual({
      address: 'd2',
      state: 'failed',
      reason: 'not delivered in time: gone',
      is_due: false,
    })
  })
})

test('what two processes find at fault is put off once, and its neighbours not at all', async () => {
  const ids = [randomUUID(), randomUUID()].sort() as [string, string]
  await database.query(
    `INSERT INTO notifier.news_group (group_id, company_id, data_source_id, size, due_at)
     SELECT unnest($1::uuid[]), 1, 1, 1, '-infinity'`,
    [ids],
  )
  await database.query(
    `INSERT INTO notifier.ops_event (event_id, dedupe_key, kind, service, subject, message, resolved, at, received_at)
     SELECT id, id::text, 'notification-failed', 'notifier', 'x', 'x', false, now(), '-infinity' FROM unnest($1::uuid[]) AS id`,
    [ids],
  )
  for (const [findFirst, postpone] of [
    [findFirstGroup, postponeGroup],
    [findFirstOpsEvent, postponeOpsEvent],
  ] as const) {
    expect(await findFirst(pool)).toBe(ids[0])
    await postpone(pool, ids[0], 'bad')
    await postpone(pool, ids[0], 'bad')
    expect(await findFirst(pool)).toBe(ids[1])
  }
  const reports = await database.query(
    `SELECT event ->> 'subject' AS subject FROM notifier.outbox WHERE event ->> 'kind' = 'notification-failed'`,
  )
  expect(reports).toEqual([{ subject: `event ${ids[0]}` }])
})
