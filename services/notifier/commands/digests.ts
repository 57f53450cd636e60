import { type Command, Option } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findBucket, findPerson, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { escapeLines } from '#runtime/commands/terminal.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { createLog } from '#runtime/process/log.ts'
import { isZone } from '#runtime/text/time-zone.ts'
import { readDigestConfig } from '../config.ts'
import { composeDigests } from '../digests/compose.ts'
import { firstPage, makeDigests } from '../digests/make.ts'
import { compareDigestSettings } from '../digests/noted-settings.ts'
import { nextPeriod, rhythms } from '#runtime/text/periods.ts'
import { type DueDigest, findDue, policies, readTime, type Selection } from '../digests/policies.ts'
import type { DigestSettings } from '../digests/settings.ts'
import { explainWhy } from '../message/compose.ts'
import { asText } from '../render/text.ts'
import { makeChange } from '../changes/make-change.ts'
import { requireChannelOf } from './channel-store.ts'

type Output = { json?: boolean }
type Which = { person?: string; bucket?: string }

const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

export function build(group: Command): void {
  group.command('ls').description('list who gets which digests, and when').option('--json', 'print JSON').action(list)
  addWhich(group.command('set').description('set which digests a person gets'), true)
    .addOption(new Option('--rhythm <rhythm>', 'how often; off for none').choices([...rhythms, 'off']))
    .option('--hour <hour>', 'from 0 to 23, in the time zone')
    .addOption(new Option('--weekday <day>', 'weekday of weekly digests').choices(weekdays))
    .option('--zone <zone>', 'time zone, such as Europe/Berlin')
    .option('--channel <id>', 'send it only to this channel; "all" for every channel for reports')
    .option('--all-quiet', 'send it also when there is no news item')
    .option('--no-all-quiet', 'send it only when there are news items')
    .action(set)
  withYes(
    addWhich(group.command('rm').description('remove what was set; the person then gets the weekly report'), true),
  ).action(remove)
  addWhich(group.command('run').description('make all due digests now'), false)
    .option('--early', 'also those of today, this week and this month that are not due yet, and those that failed')
    .option('--dry-run', 'only show which, with their number of news items')
    .option(
      '--own-settings',
      "make them although the notifier's settings are others: with other links, hours or channels",
    )
    .action(run)
  addWhich(group.command('preview').description('print the next digest without sending it'), true).action(preview)
}

function addWhich(command: Command, isPersonNeeded: boolean): Command {
  const person = ['--person <person>', 'id or name'] as const
  return (isPersonNeeded ? command.requiredOption(...person) : command.option(...person))
    .option('--bucket <bucket>', 'id or title: a digest about its companies, not about all that the person follows')
    .option('--json', 'print JSON')
}

const policyRow = z.object({
  person_id: z.number(),
  person: z.string(),
  bucket: z.string().nullable(),
  rhythm: z.enum([...rhythms, 'off']),
  hour: z.number(),
  weekday: z.number(),
  zone: z.string(),
  channel: z.number().nullable(),
  all_quiet: z.boolean(),
  is_default: z.boolean(),
  last: z.string().nullable(),
})

async function list({ json = false }: Output): Promise<void> {
  const config = readDigestConfig()
  const rows = await withDatabase(async (database) => {
    const now = await readTime(database)
    const found = await database.any(sql.type(policyRow)`
      WITH ${policies(config)}
      SELECT u.id AS person_id, u.name AS person, b.title AS bucket, p.rhythm, p.hour, p.weekday, p.zone,
        p.channel_id AS channel, p.all_quiet, p.is_default, (
          SELECT concat_ws(' ', d.period, d.state, d.reason) FROM notifier.digest d
          WHERE (d.user_id, d.bucket_id) = (p.user_id, p.bucket_id) ORDER BY d.made_at DESC LIMIT 1
        ) AS last
      FROM policy p JOIN public."user" u ON u.id = p.user_id LEFT JOIN public.bucket b ON b.id = p.bucket_id
      ORDER BY u.id, p.bucket_id`)
    return found.map(({ hour, weekday, is_default, ...row }) => ({
      ...row,
      at: `${row.rhythm === 'weekly' ? `${weekdays[weekday - 1]} ` : ''}${String(hour).padStart(2, '0')}:00`,
      set: !is_default,
      next: nextOf({ ...row, hour, weekday }, is_default && !config.WEEKLY_REPORT_CLOCK, now),
    }))
  })
  printRows(rows, json, ['next'])
}

type Timing = Pick<z.output<typeof policyRow>, 'rhythm' | 'hour' | 'weekday' | 'zone'>

function nextOf({ rhythm, hour, weekday, zone }: Timing, isOnRequest: boolean, now: number): string | null {
  if (rhythm === 'off' || isOnRequest || !isZone(zone)) return null
  return new Date(nextPeriod({ rhythm, hour, weekday, zone }, now).at).toISOString()
}

type Settings = Output &
  Which & {
    person: string
    rhythm?: 'daily' | 'weekly' | 'monthly' | 'off'
    hour?: string
    weekday?: string
    zone?: string
    channel?: string
    allQuiet?: boolean
  }

async function set(options: Settings): Promise<void> {
  const { rhythm, zone, json = false } = options
  const { person: _person, json: _json, ...given } = options
  if (Object.keys(given).length === 0)
    throw new UsageError(
      'Nothing to set: give --rhythm, --hour, --weekday, --zone, --channel, --all-quiet or --bucket.',
    )
  if (options.weekday !== undefined && rhythm !== undefined && rhythm !== 'weekly')
    throw new UsageError('--weekday is for weekly digests: omit it, or give --rhythm weekly.')
  const hour = options.hour === undefined ? undefined : requireCount(options.hour, '--hour', { least: 0, most: 23 })
  const weekday = options.weekday === undefined ? undefined : weekdays.indexOf(options.weekday) + 1
  if (zone !== undefined && !isZone(zone))
    throw new UsageError(`--zone ${JSON.stringify(zone)} is not a time zone: give one such as Europe/Berlin.`)
  const fallback = readDigestConfig()
  const result = await withDatabase(async (database) => {
    const { person, bucket } = await resolve(database, options)
    const channel =
      options.channel === undefined || options.channel === 'all'
        ? options.channel && null
        : await requireChannelOf(database, person, '--channel', options.channel)
    const given = { rhythm, hour, weekday, zone, channel, all_quiet: options.allQuiet }
    await makeChange(database, 'notifier.digest.set', { person, ...ifBucket(bucket), ...given }, fallback)
    return { person, bucket: bucket || null }
  })
  printResult(result, `set the digests of person ${result.person}; \`parma digests ls\` shows when they are due`, json)
}

async function remove(options: Output & Which & { person: string; yes?: boolean }): Promise<void> {
  const person = await withDatabase(async (database) => {
    const { person, bucket } = await resolve(database, options)
    const which = sql.fragment`notifier.digest_policy WHERE user_id = ${person} AND bucket_id = ${bucket}`
    const rhythm = await database.maybeOneFirst(sql.type(z.object({ rhythm: z.string() }))`SELECT rhythm FROM ${which}`)
    if (rhythm === null) throw new UsageError(`Nothing is set there. \`parma digests ls\` lists what is.`)
    const about = bucket === 0 ? '' : ` about bucket ${bucket}`
    await confirm(options.yes, `This removes what is set for person ${person}${about} (digests: ${rhythm}).`)
    await makeChange(database, 'notifier.digest.remove', { person, ...ifBucket(bucket) })
    return person
  })
  printResult({ person }, `removed what was set for person ${person}`, options.json ?? false)
}

type RunOptions = Output & Which & { early?: boolean; dryRun?: boolean; ownSettings?: boolean }

async function run(options: RunOptions): Promise<void> {
  const { early = false, dryRun = false, ownSettings = false, json = false } = options
  const config = readDigestConfig()
  const log = createLog('parma', 'silent')
  const rows = await withDatabase(async (database) => {
    await requireSameSettings(config, database, dryRun || ownSettings)
    const { person, bucket } = await resolve(database, options)
    const selection: Selection = {
      which: early ? 'early' : 'due',
      person: person || undefined,
      bucket: options.bucket === undefined ? undefined : bucket,
    }
    const rows: Record<string, unknown>[] = []
    for (let after = firstPage, last: DueDigest | undefined; ; after = last) {
      const page = { after, limit: config.DIGEST_BATCH }
      const due = dryRun ? await findDue(config, database, selection, page) : []
      const tried = dryRun ? [] : await makeDigests(config, log, database, { selection, page, ifBusy: 'wait' })
      rows.push(...(await describeAll(config, database, due)))
      rows.push(...tried.map((one) => ({ ...describe(one), problem: one.problem })))
      last = due.at(-1) ?? tried.at(-1)
      if (!last) break
    }
    const after = rows.length > 0 && !dryRun ? { digests: rows.length } : null
    await auditCommand(database, 'notifier', { kind: 'notifier.digest.run', subject: 'digests', after })
    return rows
  })
  printRows(rows, json)
  const failed = rows.filter(({ problem = null }) => problem !== null).length
  if (failed > 0)
    throw new UsageError(`${failed} of ${rows.length} digests failed: their news items wait. \`--early\` tries again.`)
}

const describe = ({ user_id, user_name, bucket, period }: DueDigest) => ({
  ...{ person_id: user_id, person: user_name },
  ...{ bucket, period },
})

async function describeAll(config: DigestSettings, database: Database, due: readonly DueDigest[]) {
  if (due.length === 0) return []
  const made = await composeDigests(config, createLog('parma', 'silent'), database, due)
  return made.map(({ due, news, companies, channels }) => ({
    ...describe(due),
    news: news.length,
    companies: companies.length,
    channels: channels.length,
  }))
}

async function preview(options: Output & Which & { person: string }): Promise<void> {
  const config = readDigestConfig()
  const found = await withDatabase(async (database) => {
    await requireSameSettings(config, database, true)
    const { person, bucket } = await resolve(database, options)
    const [due] = await findDue(config, database, { which: 'next', person, bucket }, { after: firstPage, limit: 1 })
    if (!due) throw new UsageError(`Person ${person} gets no such digest. \`parma digests ls\` lists them.`)
    const [made] = await composeDigests(config, createLog('parma', 'silent'), database, [due])
    return { due, message: made?.message ?? null, channels: made?.channels ?? [] }
  })
  const { due, message, channels } = found
  const to = channels.map(({ channel_type, destination }) => `${channel_type} ${destination}`)
  const text = message
    ? `To: ${to.join(', ') || 'nobody (no channel)'}\nSubject: ${message.subject}\n\n${asText(message, { why: explainWhy(message, [{ name: due.user_name }]) })}`
    : 'No news items: nothing would be sent.'
  printResult({ ...describe(due), to, message }, text, options.json ?? false)
}

/**
 * Says how digests made here would differ from the notifier's. Unless `mayDiffer`, throws a UsageError: what is sent must
 * not depend on who made it.
 */
async function requireSameSettings(config: DigestSettings, database: Database, mayDiffer: boolean): Promise<void> {
  const { isNoted, differences } = await compareDigestSettings(config, database)
  if (differences.length === 0) return
  const text = differences.join('\n')
  if (isNoted && !mayDiffer)
    throw new UsageError(
      `The notifier would make other digests:\n${text}\nSet what it has, or make them with --own-settings.`,
    )
  console.error(escapeLines(text))
}

/** Changes name no bucket where a digest is about all companies. */
const ifBucket = (bucket: number) => (bucket === 0 ? {} : { bucket })

/** Ids; 0 for a person or bucket that is not given. */
async function resolve(database: Database, { person, bucket }: Which): Promise<{ person: number; bucket: number }> {
  return {
    person: person === undefined ? 0 : await findPerson(database, person),
    bucket: bucket === undefined ? 0 : await findBucket(database, bucket),
  }
}
