import { z } from 'zod'
import { EncodeError } from '#schemas/codec.ts'
import type { News, OpsEvent } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { isTooLarge } from '../calls/retry.ts'
import { output, type Output, type Publish } from '../kafka/output.ts'
import { column } from '../postgres/column.ts'
import { type Database, sql, sqlPing, type Transaction } from '../postgres/database.ts'
import { tryLock } from '../postgres/lock.ts'
import { startLoop } from '../process/loop.ts'
import type { ServiceContext } from '../process/service.ts'
import { clipTexts } from '../text/clip-texts.ts'

/** How soon an event is published that another process wrote, a command or a replica that is gone. Our own wake the loop. */
const ownPollMs = 2000

/** While another replica publishes: it may have looked before our events were committed. */
const lookAgainMs = 50

/** Well below DATABASE_IDLE_TRANSACTION_TIMEOUT_MS. */
const busyMs = 500

const batch = 500

/** How long published events stay: as long as one is here, writing it again publishes nothing. */
const keptDays = 7

/**
 * What an outbox publishes: operational events, and news items that nobody got while they were withheld. `traceparent`: of
 * the span in whose trace they go on.
 */
type Outgoing = (OpsEvent | News) & { traceparent?: string }

/**
 * Writes operational events and news items to `<schema>.outbox`, in the transaction of what they report: after a crash there
 * are both or none. One whose id is there already is not written again. Wake the loop of `startOutbox` after the commit.
 */
export async function addToOutbox(
  tx: Pick<Transaction, 'query'>,
  schema: string,
  events: readonly Outgoing[],
): Promise<void> {
  if (events.length === 0) return
  await tx.query(sql.unsafe`
    INSERT INTO ${sql.identifier([schema, 'outbox'])} (event_id, event)
    SELECT event_id, event
    FROM unnest(${column(events, 'uuid', idOf)}, ${column(events, 'jsonb', asJson)})
      WITH ORDINALITY AS e (event_id, event, n) ORDER BY n
    ON CONFLICT (event_id) DO NOTHING`)
}

function idOf(event: Outgoing): string {
  return 'news_id' in event ? event.news_id : event.event_id
}

/** What jsonb does not take must not undo what is reported: NUL, and half of a surrogate pair. Long texts are clipped. */
function asJson(event: Outgoing): string {
  return JSON.stringify(clipTexts(event), (_, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value,
  )
}

/**
 * Publishes what is in the service's outbox, until it stops: each event at least once, with the same id each time, in the
 * order written. Any number of replicas may do so. One that cannot be published is set aside, and an event that says so is
 * published in its place. The returned function has it look at once. Who looks for such events in another way and calls it
 * gives a longer `pollMs`.
 */
export function startOutbox(
  context: ServiceContext,
  database: Database,
  publish: Publish,
  pollMs = ownPollMs,
): () => void {
  const wake = startLoop('publish_outbox', pollMs, context, async () => {
    const published = await publishSome(context, database, publish)
    if (published === 'busy') return lookAgainMs
    if (published === batch) wake()
  })
  return wake
}

const outboxRow = z.object({
  outbox_no: z.number(),
  event_id: z.string(),
  // Written here alone.
  event: z.custom<Outgoing>(),
})

type OutboxRow = z.output<typeof outboxRow>

/** Returns how many there were; `busy`: another replica is publishing. */
async function publishSome(
  { name: schema, log }: Pick<ServiceContext, 'name' | 'log'>,
  database: Database,
  publish: Publish,
): Promise<number | 'busy'> {
  const table = sql.identifier([schema, 'outbox'])
  if (!(await database.exists(sql.unsafe`SELECT FROM ${table} WHERE published_at IS NULL`))) return 0
  // Open while the broker answers, but it has written nothing and holds no row. The lock goes with the connection, so a
  // process that dies leaves it to the others at once, and one that freezes does so when Postgres ends its transaction.
  return database.transaction(async (tx) => {
    if (!(await tryLock(tx, `${schema}.outbox`))) return 'busy'
    const rows = await tx.any(sql.type(outboxRow)`
      SELECT outbox_no, event_id, event FROM ${table} WHERE published_at IS NULL ORDER BY outbox_no LIMIT ${batch}`)
    await keepBusy(tx, publishRows({ name: schema, log }, rows, publish))
    await tx.query(sql.unsafe`
      WITH old AS (DELETE FROM ${table} WHERE published_at < now() - ${keptDays} * interval '1 day')
      UPDATE ${table} SET published_at = now()
      WHERE outbox_no = ANY(${column(rows, 'int8', ({ outbox_no }) => outbox_no)})`)
    return rows.length
  })
}

/** Has the transaction say that its process is alive for as long as `work` takes. */
async function keepBusy(tx: Transaction, work: Promise<void>): Promise<void> {
  let asked: Promise<unknown> = Promise.resolve()
  const ask = () => {
    asked = asked.then(() => tx.query(sqlPing))
    // The next statement of the transaction fails for the same reason.
    asked.catch(() => undefined)
  }
  const timer = setInterval(ask, busyMs)
  try {
    await work
  } finally {
    clearInterval(timer)
    await asked.catch(() => undefined)
  }
}

async function publishRows(
  context: Pick<ServiceContext, 'name' | 'log'>,
  rows: readonly OutboxRow[],
  publish: Publish,
): Promise<void> {
  await publish(rows.map(outputOf)).catch(async (error: unknown) => {
    if (!isBad(error)) throw error
    for (const row of rows) await publishOrSetAside(context, row, publish)
  })
}

async function publishOrSetAside(
  { name, log }: Pick<ServiceContext, 'name' | 'log'>,
  row: OutboxRow,
  publish: Publish,
): Promise<void> {
  try {
    await publish([outputOf(row)])
  } catch (error) {
    if (!isBad(error)) throw error
    log.error({ error, outbox_no: row.outbox_no, event_id: row.event_id }, 'ops_event_set_aside')
    await publish([outputOf({ ...row, event: setAsideEvent(name, row, error as Error) })])
  }
}

/** It would fail each time, and all that were written after it would wait. */
function isBad(error: unknown): boolean {
  return error instanceof EncodeError || isTooLarge(error)
}

/** In place of an event that cannot be published, with its id. */
function setAsideEvent(service: string, { outbox_no, event_id }: OutboxRow, error: Error): OpsEvent {
  const subject = `${service}.outbox/${outbox_no}`
  return {
    ...{ event_id, kind: 'event-set-aside', service, data_source_id: null, subject, resolved: false },
    ...{ dedupe_key: `event-set-aside/${subject}`, at: Date.now(), facts: { outbox_no: String(outbox_no) } },
    message:
      `An ops event of ${service} could not be published and was set aside: ${error.message}. ` +
      `Read it in row ${outbox_no} of ${service}.outbox within ${keptDays} days.`,
  }
}

function outputOf({ event_id, event: { traceparent: cause, ...event } }: OutboxRow): Output {
  const made =
    'news_id' in event
      ? output(topics.news, event.company_id, event_id, event, { group_id: event.group_id })
      : output(topics.opsEvents, keyOf(event), event_id, event)
  return { ...made, cause }
}

/** What is about one source or one service stays in order. */
function keyOf({ data_source_id, service }: OpsEvent): string {
  return String(data_source_id ?? service)
}
