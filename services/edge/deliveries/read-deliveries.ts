import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { id, time, timeOf } from '../ask/parameters.ts'
import { allOf } from '../ask/names.ts'

export const states = ['pending', 'sending', 'sent', 'failed', 'unknown'] as const

export const deliveryFilters = z.object({
  state: z.enum(states).optional(),
  channel: z.enum(['EMAIL', 'SLACK', 'WEBHOOK']).optional(),
  kind: z.enum(['news', 'ops', 'digest', 'test', 'sign_in']).optional(),
  person: id.optional().describe('Id of a person who gets it.'),
  destination: id.optional().describe('Id of a destination.'),
  about: z.uuid().toLowerCase().optional().describe('A news item, or the event of a payload or of operations.'),
  since: time.optional(),
  until: time.optional(),
})
export type DeliveryFilters = z.output<typeof deliveryFilters>

const ms = z.number().nullable()
const person = z.object({ id: z.number(), name: z.string(), through: z.array(z.string()).optional() })
const deliveryRow = z.object({
  id: z.number(),
  at: z.number(),
  kind: z.string(),
  subject: z.string(),
  channel: z.string(),
  address: z.string(),
  destination_id: z.number(),
  people: z.array(person),
  state: z.enum(states),
  reason: z.string().nullable(),
})
export type Delivery = z.output<typeof deliveryRow>

const columns = sql.fragment`
  delivery_id AS id, created_at AS at, kind, message ->> 'subject' AS subject, channel, address, destination_id, people, state,
  reason`

/** Deliveries that fit, the newest first, from below the id `before` on. */
export function readDeliveries(
  database: Database,
  filters: DeliveryFilters,
  limit: number,
  before: number | null,
): Promise<readonly Delivery[]> {
  return database.any(sql.type(deliveryRow)`
    SELECT ${columns} FROM notifier.delivery_view d
    WHERE ${conditionOf(filters)} AND ${before === null ? sql.fragment`true` : sql.fragment`delivery_id < ${before}`}
    ORDER BY delivery_id DESC LIMIT ${limit}`)
}

function conditionOf({ state, channel, kind, person, destination, about, since, until }: DeliveryFilters): SqlFragment {
  const conditions = [
    state !== undefined && sql.fragment`state = ${state}`,
    channel !== undefined && sql.fragment`channel = ${channel}`,
    kind !== undefined && sql.fragment`kind = ${kind}`,
    person !== undefined && sql.fragment`people @> jsonb_build_array(jsonb_build_object('id', ${person}::int))`,
    destination !== undefined && sql.fragment`destination_id = ${destination}`,
    since !== undefined && sql.fragment`created_at >= ${timeOf(since)}::timestamptz`,
    until !== undefined && sql.fragment`created_at < ${timeOf(until)}::timestamptz`,
    about !== undefined &&
      sql.fragment`EXISTS (SELECT FROM notifier.told_item_view i
        WHERE i.notification_id = d.notification_id AND ${about}::uuid IN (i.item_id, i.event_id))`,
  ].filter((condition) => condition !== false)
  return allOf([sql.fragment`true`, ...conditions])
}

const line = z.looseObject({ title: z.string(), details: z.array(z.string()).optional() })
const detailRow = deliveryRow.extend({
  reference: z.string().nullable(),
  settled_at: ms,
  due_at: ms,
  message: z.looseObject({ lines: z.array(line).optional(), rest: z.string().optional() }),
  is_unsubscribed: z.boolean(),
  parked_at: ms,
})
export type DeliveryDetail = z.output<typeof detailRow>

const attemptRow = z.object({
  at: z.number(),
  action: z.string(),
  outcome: z.string(),
  took_ms: ms,
  detail: z.string().nullable(),
})
export type Attempt = z.output<typeof attemptRow>

const itemRow = z.object({ item_id: z.string(), event_id: z.string() })

export type OneDelivery = {
  delivery: DeliveryDetail
  attempts: readonly Attempt[]
  /** What it tells. */
  items: readonly z.output<typeof itemRow>[]
}

/** Shown of the attempts of one delivery, and of what it tells: the newest ones. */
const mostRows = 100

/** A delivery with its attempts; null: there is none with this id. */
export async function readDelivery(database: Database, id: number): Promise<OneDelivery | null> {
  const [delivery, attempts, items] = await Promise.all([
    database.maybeOne(sql.type(detailRow)`
      SELECT d.*, t.unsubscribed_at IS NOT NULL AS is_unsubscribed, t.parked_at
      FROM (SELECT ${columns}, reference, settled_at, CASE WHEN isfinite(due_at) THEN due_at END AS due_at, message
        FROM notifier.delivery_view WHERE delivery_id = ${id}) d
      JOIN notifier.destination_view t USING (destination_id)`),
    database.any(sql.type(attemptRow)`
      SELECT ended_at AS at, action, outcome, took_ms, detail FROM notifier.attempt_view
      WHERE delivery_id = ${id} ORDER BY attempt_id DESC LIMIT ${mostRows}`),
    database.any(sql.type(itemRow)`
      SELECT i.item_id, i.event_id FROM notifier.delivery_view d
      JOIN notifier.told_item_view i USING (notification_id, destination_id)
      WHERE d.delivery_id = ${id} ORDER BY i.item_id LIMIT ${mostRows}`),
  ])
  return delivery && { delivery, attempts, items }
}

const parkedRow = z.object({
  destination_id: z.number(),
  channel: z.string(),
  address: z.string(),
  since: z.number(),
  reason: z.string().nullable(),
  /** Messages that wait for it. */
  waiting: z.number(),
})
export type Parked = z.output<typeof parkedRow>

/** Destinations to which nothing is sent, those that wait longest first; or the one with this id. */
export function readParked(database: Database, id: number | null = null): Promise<readonly Parked[]> {
  return database.any(sql.type(parkedRow)`
    SELECT destination_id, channel, address, parked_at AS since, parked_reason AS reason,
      (SELECT count(*)::int FROM notifier.delivery_view d
        WHERE d.destination_id = t.destination_id AND d.state = 'pending') AS waiting
    FROM notifier.destination_view t
    WHERE parked_at IS NOT NULL AND (${id === null} OR destination_id = ${id ?? 0})
    ORDER BY parked_at LIMIT 200`)
}
