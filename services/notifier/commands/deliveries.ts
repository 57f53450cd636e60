import { type Command, Option } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findCompany, openCommandPool, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, printText, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { requireCount, requireId, requireTime } from '#runtime/commands/read-typed.ts'
import { openGroupTable } from '#runtime/offsets/group-table.ts'
import { column } from '#runtime/postgres/column.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings, postgresSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { explainWhy } from '../message/compose.ts'
import type { Message } from '../message/message.ts'
import { readTold } from '../operate/read-told.ts'
import { findForgotten, recallDeliveries } from '../operate/recall.ts'
import { deliveryTables, goodOf, type Judged, judgeDeliveries, resendGood } from '../operate/resend.ts'
import { asText } from '../render/text.ts'

type Output = { json?: boolean }
type Filter = { state?: string; company?: string; destination?: string; hours?: string; since?: string }

const states = ['pending', 'sending', 'sent', 'failed', 'unknown'] as const
const remedy = '`parma deliveries ls` shows the ids.'

const deliveryRow = z.object({
  id: z.number(),
  at: z.number(),
  kind: z.string(),
  subject: z.string(),
  channel: z.string(),
  destination: z.string(),
  state: z.enum(states),
  attempts: z.number(),
  reason: z.string().nullable(),
})
const columns = sql.fragment`
  d.delivery_id AS id, d.created_at AS at, n.kind, n.message ->> 'subject' AS subject, t.channel, t.address AS destination,
  d.state, (SELECT count(*)::int FROM notifier.attempt a WHERE a.delivery_id = d.delivery_id) AS attempts, d.reason`
export function build(group: Command): void {
  addFilter(group.command('ls').description('list messages and their state, newest first'))
    .addOption(new Option('--state <state>', 'only deliveries in this state').choices(states))
    .option('--limit <count>', 'at most this many', '50')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('show')
    .description('show a message and every attempt to deliver it')
    .argument('<id>', 'id of the delivery')
    .option('--json', 'print JSON')
    .action(show)
  addFilter(
    group
      .command('resend')
      .description('send failed and unknown deliveries again; unknown ones may arrive twice')
      .argument('[ids...]', 'ids of deliveries'),
  )
    .addOption(
      new Option('--state <state>', 'all deliveries in this state; of those that are sent, webhooks only').choices([
        'failed',
        'unknown',
        'sent',
      ]),
    )
    .option('--since <time>', 'all failed and unknown ones since this time (ISO 8601, UTC); asks first')
    .option('--dry-run', 'only show which')
    .option('--yes', 'with --since: send without asking')
    .option('--json', 'print JSON')
    .action(resend)
  addRecall(group)
}

function addRecall(group: Command): void {
  group
    .command('recall')
    .description('after a restore of Postgres: take as told what was told since, so that nobody is told it again')
    .requiredOption('--since <time>', 'the time that was restored (ISO 8601, UTC); an hour before it is read, too')
    .option('--dry-run', 'only show which')
    .option('--json', 'print JSON')
    .action(recall)
}

function addFilter(command: Command): Command {
  return command
    .option('--company <company>', 'only messages about this company: id or name')
    .option('--destination <destination>', 'only messages to this destination, as `ls` shows it')
    .option('--hours <count>', 'only messages of the last hours')
}

/** A condition for the rows of deliveryTables. */
async function conditionOf(database: Pick<Database, 'any'>, filter: Filter) {
  const { state, company, destination, hours, since } = filter
  const companyId = company === undefined ? null : await findCompany(database, company)
  const parts = [
    ...(state === undefined ? [] : [sql.fragment`d.state = ${state}`]),
    ...(companyId === null ? [] : [sql.fragment`n.company_id = ${companyId}`]),
    ...(destination === undefined ? [] : [sql.fragment`t.address = ${destination}`]),
    ...(since === undefined ? [] : [sql.fragment`d.created_at >= ${requireTime(since, '--since')}::timestamptz`]),
    ...(since === undefined || state !== undefined ? [] : [sql.fragment`d.state IN ('failed', 'unknown')`]),
    ...(hours === undefined
      ? []
      : [sql.fragment`d.created_at > now() - ${requireCount(hours, '--hours')} * interval '1 h'`]),
  ]
  return parts.length === 0 ? sql.fragment`true` : sql.join(parts, sql.fragment` AND `)
}

async function list({ limit, json = false, ...filter }: Output & Filter & { limit: string }): Promise<void> {
  const count = requireCount(limit, '--limit')
  const rows = await withDatabase(async (database) =>
    database.any(sql.type(deliveryRow)`
      SELECT ${columns} FROM ${deliveryTables} WHERE ${await conditionOf(database, filter)} ORDER BY d.delivery_id DESC LIMIT ${count}`),
  )
  printRows(rows.map(withTime), json, ['at'])
}

const withTime = <T extends { at: number }>(row: T) => ({ ...row, at: new Date(row.at).toISOString() })

const shownRow = deliveryRow.extend({
  people: z.array(z.object({ name: z.string(), through: z.array(z.string()).optional() })),
  reference: z.string().nullable(),
  message: z.custom<Message>(),
})
const attemptRow = z.object({
  at: z.number(),
  action: z.string(),
  outcome: z.string(),
  took_ms: z.number().nullable(),
  detail: z.string().nullable(),
})

async function show(text: string, { json = false }: Output): Promise<void> {
  const id = requireId(text, remedy)
  const { delivery, attempts } = await withDatabase(async (database) => ({
    delivery: await database.maybeOne(sql.type(shownRow)`
      SELECT ${columns}, d.people, d.reference, n.message FROM ${deliveryTables} WHERE d.delivery_id = ${id}`),
    attempts: await database.any(sql.type(attemptRow)`
      SELECT ended_at AS at, action, outcome, took_ms, detail FROM notifier.attempt WHERE delivery_id = ${id} ORDER BY attempt_id`),
  }))
  if (!delivery) throw new UsageError(`There is no delivery ${id}. ${remedy}`)
  const { message, people, attempts: _, ...facts } = delivery
  const log = attempts.map(withTime)
  if (json) return printResult({ ...withTime(facts), people, message, attempts: log }, '', true)
  printRows([withTime(facts)], false, ['at'])
  printText(`\n${message.subject}\n\n${asText(message, { why: explainWhy(message, people) })}`)
  printRows(log, false, ['at'])
}

type Resend = Output & Filter & { dryRun?: boolean; yes?: boolean }

async function resend(ids: string[], { dryRun = false, yes, json = false, ...filter }: Resend): Promise<void> {
  const { state, since } = filter
  if (ids.length > 0 === (state !== undefined || since !== undefined))
    throw new UsageError('Give ids of deliveries, or --state or --since.')
  const rows = await withDatabase(async (database) => {
    const again = state === 'sent'
    const judge = () => judgeAsked(database, ids, filter, (condition) => judgeDeliveries(database, condition, again))
    if (dryRun) return judge()
    if (since === undefined) return resendAsked(database, ids, filter, again)
    // What is sent is what was counted, though a delivery may have changed while the person was asked.
    const shown = await judge()
    const counted = goodOf(shown)
    if (counted.length === 0) return shown
    const counts = [...Map.groupBy(shown, (one) => one.resend)].map(([what, some]) => `${some.length} ${what}`)
    await confirm(
      yes,
      `${formatCount(counted.length, 'message')} would be sent again, of ${formatCount(shown.length, 'message')} (${counts.join('; ')}).`,
    )
    return resendAsked(database, counted.map(String), {}, again)
  })
  printRows(rows, json)
}

/** What was judged of these deliveries. A UsageError where an id is of none. */
async function judgeAsked(
  connection: Pick<Database, 'any'>,
  ids: readonly string[],
  filter: Filter,
  judgeThem: (condition: SqlFragment) => Promise<Judged[]>,
): Promise<Judged[]> {
  const wanted = column(ids, 'int8', (id) => requireId(id, remedy))
  const condition = await conditionOf(connection, filter)
  const judged = await judgeThem(sql.fragment`${condition} AND (${ids.length === 0} OR d.delivery_id = ANY(${wanted}))`)
  const missing = ids.filter((id) => !judged.some((row) => row.id === Number(id)))
  if (missing.length > 0) throw new UsageError(`There is no delivery ${missing.join(', ')}. ${remedy}`)
  return judged
}

/** Makes those that may be sent again pending, with an audit row, and returns what was judged of all. */
function resendAsked(database: Database, ids: readonly string[], filter: Filter, again: boolean): Promise<Judged[]> {
  return database.transaction(async (tx) => {
    const judged = await judgeAsked(tx, ids, filter, (condition) => resendGood(tx, condition, again))
    const good = goodOf(judged)
    const resent = { kind: 'notifier.delivery.resend', subject: 'deliveries', after: { deliveries: good } }
    if (good.length > 0) await auditCommand(tx, 'notifier', resent)
    return judged
  })
}

/** Before the notifier starts again: it would plan and send what it does not know of. */
async function recall({ since, dryRun = false, json = false }: { since: string; dryRun?: boolean; json?: boolean }) {
  const config = readEnv({ ...postgresSettings, ...kafkaSettings })
  const from = Date.parse(requireTime(since, '--since'))
  await using groups = await openGroupTable(config, createLog('parma', 'silent'))
  if (!dryRun && (await groups.isRunning('notifier')))
    throw new UsageError('notifier is running. Stop all its processes first: it sends what it does not know as told.')
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const forgotten = await findForgotten(database, await readTold(config, from))
  if (!dryRun) await recallDeliveries(database, forgotten)
  const rows = forgotten.map(({ delivery_id: id, state, channel, address: destination, at, content }) => ({
    ...{ id, at: new Date(at).toISOString(), kind: content.kind },
    ...{ subject: (JSON.parse(content.message) as Message).subject, channel, destination, state },
  }))
  if (json) return printResult(rows, '', true)
  printRows(rows, false, ['at'])
  const unknown = rows.filter(({ state }) => state === 'unknown').length
  printText(
    `${formatCount(rows.length, 'message')} ${dryRun ? 'would be' : 'are'} taken as told, of which ${unknown} may not have arrived.`,
  )
}
