import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { requireCount, requireId } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { composeTest, enqueueNow } from '../operate/enqueue-now.ts'
import { destinationName } from '../message/compose-parked.ts'
import type { SharedDestination } from '../people/destinations.ts'
import { channelRemedy, destinationOfChannel, findChannel, readDestinationStates } from './channel-store.ts'

const testRow = z.object({
  state: z.enum(['pending', 'sending', 'sent', 'failed', 'unknown']),
  reason: z.string().nullable(),
  reference: z.string().nullable(),
  is_over: z.boolean(),
})
type TestResult = z.output<typeof testRow>

/**
 * Writes a test message that the running notifier sends, even to a parked destination, which it unparks if the message
 * arrives. Resolves with the result, after `waitMs` at the latest: a test that was not started by then fails.
 */
async function testChannel(
  database: Database,
  destination: SharedDestination,
  channelId: number,
  name: string,
  waitMs: number,
): Promise<TestResult> {
  const notificationId = randomUUID()
  await database.transaction(async (tx) => {
    await enqueueNow(tx, destination, { notificationId, kind: 'test', person: null, message: composeTest(name) })
    const { name: actor } = commandActor()
    const done = { actor, kind: 'notifier.channel.test', subject: `channel:${channelId}` }
    await writeAudit(tx, 'notifier', { ...done, before: null, after: { channel: channelId } })
  })
  const read = () =>
    database.one(sql.type(testRow)`
      SELECT state, reason, reference, due_at IS NULL AS is_over FROM notifier.delivery
      WHERE notification_id = ${notificationId}`)
  const until = performance.now() + waitMs
  for (;;) {
    const result = await read()
    if (result.is_over) return result
    if (performance.now() >= until) break
    await delay(100)
  }
  await database.query(sql.unsafe`
    UPDATE notifier.delivery SET state = 'failed', due_at = NULL, settled_at = now(), reason = 'the notifier did not start to send it in time'
    WHERE notification_id = ${notificationId} AND state = 'pending'`)
  return read()
}

/** `parma channels test` */
export async function test(text: string, { wait, json = false }: { json?: boolean; wait: string }): Promise<void> {
  const id = requireId(text, channelRemedy)
  const waitMs = requireCount(wait, '--wait') * 1000
  await withDatabase(async (database) => {
    const destination = destinationOfChannel(await findChannel(database, id))
    if (destination.problem) throw new UsageError(`Nothing can be sent to channel ${id}: ${destination.problem}.`)
    const [known] = (await readDestinationStates(database, [destination])).values()
    if (known?.state === 'unsubscribed')
      throw new UsageError(
        `Channel ${id} gets nothing: its recipients have unsubscribed. Run \`parma channels resubscribe ${id}\` if they want messages again.`,
      )
    const { state, reason, reference } = await testChannel(
      database,
      destination,
      id,
      destinationName(destination.channel, destination.address),
      waitMs,
    )
    if (state === 'sent') return printResult({ id, state, reference }, `sent: ${reference}`, json)
    if (state === 'sending') throw new UsageError(`The test of channel ${id} is still running.`)
    throw new UsageError(
      state === 'unknown'
        ? `It is unclear whether the test message to channel ${id} arrived: ${reason}.`
        : `The test of channel ${id} failed: ${reason}. Check that a notifier is running and that the destination responds.`,
    )
  })
}
