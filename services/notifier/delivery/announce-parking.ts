import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { composeParked, describeParking, idOfParking } from '../message/compose-parked.ts'
import { destinationKey, destinationOf } from '../people/destinations.ts'
import { findAdministratorChannels, findChannelsOf, type RecipientChannel } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { enqueueForRecipients } from './enqueue.ts'
import { type DeliverySettings, unwokenTurns } from './settings.ts'

const batch = 100

const parkingRow = z.object({
  parking_id: z.number(),
  destination_id: z.number().nullable(),
  channel: z.string(),
  address: z.string().nullable(),
  resolved: z.boolean(),
  reason: z.string(),
  people: z.array(z.number()),
  at: z.number(),
  /** False: a notifier from before the outbox wrote it. */
  is_reported: z.boolean(),
})
type Row = z.output<typeof parkingRow>

/**
 * Tells those who hear at a destination that was parked so at their other destinations, once. Returns the function that
 * wakes it.
 */
export function startAnnouncingParking(
  config: PeopleSettings & Pick<DeliverySettings, 'POLL_MS'>,
  context: ServiceContext,
  database: Database,
  wakeDelivery: () => void,
): () => void {
  const wake = startLoop('announce_parking', unwokenTurns * config.POLL_MS, context, async () => {
    const announced = await database.transaction(async (tx) => {
      const rows = await tx.any(sql.type(parkingRow)`
        SELECT parking_id, destination_id, coalesce(t.channel, p.channel) AS channel, address, resolved, reason, people, is_reported,
          floor(extract(epoch FROM at) * 1000)::bigint AS at
        FROM notifier.parking p LEFT JOIN notifier.destination t USING (destination_id)
        ORDER BY parking_id LIMIT ${batch} FOR UPDATE OF p SKIP LOCKED`)
      if (rows.length === 0) return 0
      const unreported = rows.filter(({ is_reported }) => !is_reported)
      await addToOutbox(tx, 'notifier', unreported.map(describeParking))
      await announceToOwners(
        tx,
        rows.filter(({ resolved, people }) => !resolved && people.length > 0),
        config.STRICT_CHANNEL_PURPOSE,
      )
      const ids = rows.map(({ parking_id }) => parking_id)
      await tx.query(sql.unsafe`DELETE FROM notifier.parking WHERE parking_id = ANY(${sql.array(ids, 'int8')})`)
      return rows.length
    })
    if (announced > 0) wakeDelivery()
    if (announced === batch) wake()
  })
  return wake
}

const closedRow = z.object({ channel: z.string(), address: z.string(), secret_id: z.string() })

/** Administrators are left out: they get the operational event. */
async function announceToOwners(tx: Transaction, rows: readonly Row[], strict: boolean): Promise<void> {
  const administrators = new Set((await findAdministratorChannels(tx, strict)).map(({ user_id }) => user_id))
  const owners = rows.flatMap(({ people }) => people).filter((id) => !administrators.has(id))
  if (owners.length === 0) return
  // A parked destination may be unparked by now. It still gets no message that says it is parked.
  const parked = rows.flatMap(({ destination_id }) => destination_id ?? [])
  const closed = await tx.any(sql.type(closedRow)`
    SELECT channel, address, secret_id FROM notifier.destination
    WHERE parked_at IS NOT NULL OR unsubscribed_at IS NOT NULL OR destination_id = ANY(${sql.array(parked, 'int4')})`)
  const isClosed = new Set(closed.map(({ secret_id: secretId, ...one }) => destinationKey({ ...one, secretId })))
  const isOpen = (channel: RecipientChannel) => {
    const destination = destinationOf(channel)
    return destination.problem === null && !isClosed.has(destinationKey(destination))
  }
  const channels = (await findChannelsOf(tx, owners, strict)).filter(isOpen)
  await enqueueForRecipients(
    tx,
    rows.map((row) => ({
      notificationId: uuidv5('owners', idOfParking(row)),
      kind: 'ops',
      companyId: null,
      dataSourceId: null,
      message: composeParked(row),
      channels: channels.filter(({ user_id }) => row.people.includes(user_id)),
    })),
  )
}
