import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { Recipient } from '../people/destinations.ts'
import { type Bundle, decideWhen, type QuietUntil } from './decide-when.ts'

/** Stands for operations in place of a company id. */
export const operations = 0

/** A news item, or an operational event, at one destination. */
export type BundleItem = {
  itemId: string
  companyId: number
  destinationId: number
  recipients: readonly Recipient[]
  /** One for each recipient. */
  quietUntil: readonly QuietUntil[]
  /** When it may be sent, apart from quiet hours; ms since 1970. */
  opensAt(bundle: Bundle): number
  /** Why it is not sent there; null: it is. */
  keptBack: string | null
}

/** Versions before this one know it by its number too. */
const planningLock = 7_116_004_201

/**
 * Makes this the only process that plans, until the transaction ends: two would make two messages for one bundle
 * window. Returns the database's time, ms since 1970.
 */
export async function lockPlanning(tx: Transaction): Promise<number> {
  await lock(tx, planningLock)
  // Not now(): others may have written between the start of our transaction and the lock.
  return tx.oneFirst(
    sql.type(z.object({ now: z.number() }))`SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now`,
  )
}

const bundleRow = z.object({
  destination_id: z.number(),
  company_id: z.number(),
  due_at: z.number().nullable(),
  is_held: z.boolean(),
  told_at: z.number().nullable(),
})

/** Adds items to the bundles of their destinations, and sets when those are due. */
export async function addToBundles(tx: Transaction, items: readonly BundleItem[]): Promise<void> {
  if (items.length === 0) return
  const { bundles, heldUntil } = await decideBundles(
    tx,
    items.filter(({ keptBack }) => keptBack === null),
  )
  const rows = items.map((one) => {
    const { itemId, destinationId, companyId, recipients, keptBack } = one
    return [itemId, destinationId, companyId, JSON.stringify(recipients), keptBack, heldUntil.get(one) ?? null]
  })
  await tx.query(sql.unsafe`
    INSERT INTO notifier.item_delivery (item_id, destination_id, company_id, people, kept_back, held_until)
    SELECT item_id, destination_id, company_id, people, kept_back, to_timestamp(held_until / 1000.0)
    FROM ${sql.unnest(rows, ['uuid', 'int4', 'int4', 'jsonb', 'text', 'int8'])}
      AS d (item_id, destination_id, company_id, people, kept_back, held_until)`)
  await tx.query(sql.unsafe`
    INSERT INTO notifier.bundle (destination_id, company_id, due_at, is_held)
    SELECT destination_id, company_id, to_timestamp(due_at / 1000.0), is_held
    FROM ${sql.unnest(bundles, ['int4', 'int4', 'int8', 'bool'])} AS d (destination_id, company_id, due_at, is_held)
    ON CONFLICT (destination_id, company_id) DO UPDATE SET due_at = excluded.due_at, is_held = excluded.is_held`)
}

/** `heldUntil`: when quiet hours let the items go that they hold. Both ms since 1970. */
async function decideBundles(tx: Transaction, items: readonly BundleItem[]) {
  const byBundle = Map.groupBy(items, keyOf)
  const known = await tx.any(sql.type(bundleRow)`
    SELECT destination_id, company_id, due_at, is_held, told_at
    FROM ${sql.unnest(
      [...byBundle.values()].map(([first]) => [first?.destinationId ?? 0, first?.companyId ?? 0]),
      ['int4', 'int4'],
    )} AS d (destination_id, company_id) JOIN notifier.bundle USING (destination_id, company_id)`)
  const before = new Map(
    known.map((row): [string, Bundle] => [
      keyOf({ destinationId: row.destination_id, companyId: row.company_id }),
      { dueAt: row.due_at, isHeld: row.is_held, lastMessageAt: row.told_at },
    ]),
  )
  const heldUntil = new Map<BundleItem, number>()
  const bundles = [...byBundle].map(([key, some]) => {
    const start: Bundle = before.get(key) ?? { dueAt: null, isHeld: false, lastMessageAt: null }
    const { dueAt, isHeld } = some.reduce((bundle, one) => {
      const at = one.opensAt(bundle)
      const alone = decideWhen({ ...bundle, dueAt: null }, at, one.quietUntil)
      if (alone.isHeld && alone.dueAt !== null) heldUntil.set(one, alone.dueAt)
      return decideWhen(bundle, at, one.quietUntil)
    }, start)
    const [{ destinationId, companyId }] = some as [BundleItem]
    return [destinationId, companyId, dueAt, isHeld] as const
  })
  return { bundles, heldUntil }
}

const keyOf = ({ destinationId, companyId }: Pick<BundleItem, 'destinationId' | 'companyId'>) =>
  `${destinationId}/${companyId}`
