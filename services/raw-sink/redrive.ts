import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Firestore } from '@google-cloud/firestore'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { isTooLarge } from '#runtime/calls/retry.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { requireCount, requireEventId } from '#runtime/commands/read-typed.ts'
import { readEnv } from '#runtime/process/config.ts'
import { postgresSettings } from '#runtime/process/settings.ts'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { readPayload, UnreadableDocument } from '#runtime/firestore/read-payload.ts'
import { createLog } from '#runtime/process/log.ts'
import { openCommandPool } from '#runtime/commands/command-database.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { output } from '#runtime/kafka/output.ts'
import { openPublisher } from '#runtime/open-kafka.ts'
import { formatCount } from '#runtime/text/format.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { closeGap, countBySource, findMissing, missingReplay } from './missing-payloads.ts'

type Options = {
  source?: string
  missing?: boolean
  reason?: string
  company?: string
  event?: string
  mapVersion?: string
  rate: string
  dryRun?: boolean
  json?: boolean
}

export function build(group: Command): void {
  group
    .option('--source <name>', 'data source whose payloads are read again; required without --missing')
    .option('--missing', 'payloads that have a raw document and never reached the normalizer, such as after a loss')
    .option(
      '--reason <reason>',
      'only payloads with values refused for this reason; "unmapped": with leaves that no map mentions',
    )
    .option('--company <id>', 'only payloads of this company')
    .option('--event <id>', 'only this payload')
    .option('--map-version <n>', 'version of the map to use; without it, the newest')
    .option('--rate <n>', 'payloads per second', '50')
    .option('--dry-run', 'print what would be read again, change nothing')
    .option('--json', 'print JSON')
    .action(redrive)
}

/**
 * Sends payloads with refused values again, read from their raw documents and marked as a replay: the normalizer stores
 * the missing values and nobody is notified. A payload without refused values is not sent, so a second call does no
 * harm. With `missing` it sends those that the normalizer does not know, each once.
 */
async function redrive({ dryRun = false, json = false, ...options }: Options): Promise<void> {
  const perSecond = requireCount(options.rate, '--rate', { most: 10_000 })
  const map_version = options.mapVersion === undefined ? null : requireCount(options.mapVersion, '--map-version')
  const event = options.event === undefined ? undefined : requireEventId(options.event, '--event')
  const config = { ...readConfig(), ...readEnv(postgresSettings) }
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const firestore = openFirestore(config.firestore)
  scope.defer(() => firestore.terminate())
  if (options.missing) requireNoFilter(options)
  else await requireSource(database, options.source)
  if (map_version !== null) await requireMap(firestore, options.source, map_version)
  const payloads = options.missing
    ? await findMissing(config, { firestore, database, source: options.source })
    : await findEvents(database, { ...options, event })
  if (dryRun && options.missing) return printRows(countBySource(payloads), json)
  if (dryRun) return printRows(countByReason(payloads), json)

  const replay = options.missing
    ? { ...missingReplay, map_version }
    : { replay_id: randomUUID(), reason: `re-drive of ${options.reason ?? 'all refusals'}`, map_version }
  if (payloads.length > 0) {
    const subject = options.source === undefined ? 'payloads' : `source:${options.source}`
    await auditCommand(database, 'cli', {
      kind: 'cli.redrive',
      subject,
      after: { ...replay, payloads: payloads.length },
    })
  }
  const publish = await openPublisher(config, { name: 'parma', log: createLog('parma', 'silent'), scope })
  const unreadable: string[] = []
  for (const [index, { document, event_id }] of payloads.entries()) {
    try {
      const payload = { ...(await readPayload(firestore, document)), replay }
      await publish([output(topics.rawPayloads, payload.company_id, event_id, payload)])
      await delay(1000 / perSecond)
    } catch (error) {
      if (error instanceof UnreadableDocument) unreadable.push(error.message)
      else if (isTooLarge(error)) unreadable.push(`${document}: ${(error as Error).message}`)
      else throw error
    }
    if (!json && process.stderr.isTTY) process.stderr.write(`\r${index + 1} of ${payloads.length} payloads`)
  }
  if (!json && process.stderr.isTTY) process.stderr.write('\r')
  const sent = payloads.length - unreadable.length
  const filled = options.missing ? await closeGap(config, sent) : null
  const problems = unreadable.map((message) => `\nNot sent again: ${message}.`).join('')
  printResult(
    { replay_id: replay.replay_id, redriven: sent, unreadable, ...(filled && { gap_filled: filled.isFilled }) },
    `Sent again: ${formatCount(sent, 'payload')} (replay ${replay.replay_id}).${problems}${filled ? `\n${filled.text}` : ''}`,
    json,
  )
  if (unreadable.length > 0) process.exitCode = 1
}

const eventRow = z.object({ event_id: z.string(), document: z.string(), reasons: z.record(z.string(), z.number()) })
type Event = z.output<typeof eventRow>
type Found = { event_id: string; document: string; reasons?: Record<string, number> }

/** The payloads with open refusals, oldest first. Leaves that no map mentions count only with the reason `unmapped`. */
async function findEvents(database: Database, { source, reason, company, event }: Options): Promise<readonly Event[]> {
  return database.any(sql.type(eventRow)`
    SELECT event_id, document, jsonb_object_agg(reason, leaves) AS reasons FROM (
      SELECT min(event_no) AS event_no, event_id, document, reason, sum(leaves)::int AS leaves
      FROM (
        SELECT event_no, event_id, document, source_name, company_id, reason, leaves
        FROM normalizer.refusal_view WHERE reason <> 'unmapped'
        UNION ALL
        SELECT event_no, event_id, document, source_name, company_id, 'unmapped', unmapped FROM (
          SELECT DISTINCT ON (event_id) * FROM normalizer.lineage
          WHERE source_name = ${source ?? null} AND reason IS NULL ORDER BY event_id, event_no DESC
        ) last_judged WHERE unmapped > 0
      ) open
      WHERE source_name = ${source ?? null}
        AND (reason = ${reason ?? null} OR ${reason ?? null}::text IS NULL AND reason <> 'unmapped')
        AND (company_id = ${company ?? null} OR ${company ?? null}::text IS NULL)
        AND (event_id::text = ${event ?? null} OR ${event ?? null}::text IS NULL)
      GROUP BY event_id, document, reason
    ) r GROUP BY event_id, document ORDER BY min(event_no)`)
}

function countByReason(events: readonly Found[]) {
  const all = events.flatMap(({ reasons = {} }) => Object.entries(reasons))
  return Object.entries(Object.groupBy(all, ([reason]) => reason)).map(([reason, rows = []]) => ({
    reason,
    payloads: rows.length,
    leaves: rows.reduce((sum, [, leaves]) => sum + leaves, 0),
  }))
}

async function requireSource(database: Database, name: string | undefined): Promise<void> {
  if (name === undefined) throw new UsageError('Name a source with --source, or use --missing.', { exitCode: 2 })
  const known = await database.exists(sql.unsafe`SELECT FROM normalizer.lineage WHERE source_name = ${name}`)
  if (!known)
    throw new UsageError(
      `There are no payloads of a data source ${JSON.stringify(name)}. \`parma sources ls\` lists the sources.`,
    )
}

/** Firestore keeps every version of a map beside the payloads. */
async function requireMap(firestore: Firestore, source: string | undefined, version: number): Promise<void> {
  if (source === undefined) throw new UsageError('--map-version needs --source.', { exitCode: 2 })
  const maps = firestore.collection(`parma/mining/datasource/${source}/normalization_schema`)
  const { empty } = await maps.where('version', '==', version).limit(1).get()
  if (empty) throw new UsageError(`The map of ${source} has no version ${version}.`)
}

function requireNoFilter({ reason, company, event }: Options): void {
  if (reason !== undefined || company !== undefined || event !== undefined)
    throw new UsageError('--missing takes neither --reason nor --company nor --event.', { exitCode: 2 })
}
