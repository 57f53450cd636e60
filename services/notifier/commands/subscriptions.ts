import { type Command, Option } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findCompany, findPerson, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { requireId } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { formatCount } from '#runtime/text/format.ts'
import { subscribeChannel } from '../operate/channel.ts'
import { makeChange } from '../changes/make-change.ts'
import { allChannels, allChannelSubscriptions, isOwnChannel } from '../people/channel-rows.ts'
import { severities } from '../people/filter.ts'
import { explainRecipients } from './explain-recipients.ts'
import { addOwn, editOwn, isOwn, ownName, ownRow, type SubscriptionOptions } from './own-subscriptions.ts'

type Target = { company?: string; allCompanies?: boolean; channel?: string }
type Options = Target &
  SubscriptionOptions & { person: string; purpose: 'NOTIFICATION' | 'REPORT'; ifMissing?: boolean; json?: boolean }

const subscriptionRow = z.object({
  person_id: z.number(),
  person: z.string(),
  to: z.enum(['company', 'news', 'channel', 'own']),
  id: z.number(),
  name: z.string(),
  purpose: z.string().nullable(),
})

/** Kinds of news items, as their topic has them. */
const kinds = ['threshold', 'changed', 'appeared', 'gone']

const audited = (what: string, person: number) => ({ kind: `notifier.${what}`, subject: `person:${person}` })

export function build(group: Command): void {
  group
    .command('ls')
    .description('list who follows what, and who gets messages at which channel')
    .option('--json', 'print JSON')
    .action(list)
  addTarget(group.command('add').description('let a person follow a company, or get messages at a channel'))
    .addOption(
      new Option('--purpose <purpose>', 'what a channel is for')
        .choices(['NOTIFICATION', 'REPORT'])
        .default('NOTIFICATION'),
    )
    .option('--bucket <bucket>', 'id or title: news items about its companies')
    .option('--source <source>', 'id or name: only news items from this source')
    .addOption(new Option('--severity <severity>', 'only news items of this severity or above').choices(severities))
    .addOption(new Option('--kind <kind...>', 'only news items of these kinds').choices(kinds))
    .option('--only-channel <id>', 'send these news items only to this channel of the person')
    .option('--if-missing', 'do nothing if the subscription exists')
    .option('--json', 'print JSON')
    .action(add)
  withYes(addTarget(group.command('rm').description('end a subscription')))
    .option('--id <id>', 'id of a subscription that `ls` lists as own')
    .option('--json', 'print JSON')
    .action(remove)
  group
    .command('edit')
    .description('change a subscription that `ls` lists as own')
    .argument('<id>', 'as `ls` shows it')
    .addOption(new Option('--severity <severity>', 'only news items of this severity or above').choices(severities))
    .addOption(
      new Option('--kind <kind...>', 'only news items of these kinds; "all" for every kind').choices([...kinds, 'all']),
    )
    .option('--only-channel <id>', 'send these news items only to this channel; "all" for every channel for alerts')
    .option('--json', 'print JSON')
    .action(edit)
  group
    .command('preview')
    .description('show who gets a news item where, and why others do not')
    .argument('<news>', 'id of the news item, as messages show it')
    .option('--person <person>', 'only this person: id or name')
    .option('--json', 'print JSON')
    .action(preview)
}

function addTarget(command: Command): Command {
  return command
    .requiredOption('--person <person>', 'id or name')
    .option('--company <company>', 'id or name')
    .option('--all-companies', 'every company that exists now')
    .option('--channel <id>', 'id of a channel')
}

async function list({ json = false }: { json?: boolean }): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(subscriptionRow)`
      SELECT u.id AS person_id, u.name AS person, s."to", s.id, s.name, s.purpose
      FROM (
        SELECT user_id, 'company' AS "to", c.id, c.name, NULL AS purpose
        FROM public.company_subscription JOIN public.company c ON c.id = company_id
        UNION ALL
        SELECT user_id, 'news', c.id, c.name, NULL FROM public.news_subscription JOIN public.company c ON c.id = company_id
        UNION ALL
        SELECT user_id, 'channel', channel_id, concat(channel_type, ' ', destination), channel_purpose
        FROM ${allChannelSubscriptions} s JOIN ${allChannels} c USING (channel_id)
        UNION ALL
        SELECT user_id, 'own', subscription_id, ${ownName}, NULL FROM notifier.subscription s
      ) s JOIN public."user" u ON u.id = s.user_id
      ORDER BY u.id, s."to", s.id`),
  )
  printRows(rows, json)
}

async function add(options: Options): Promise<void> {
  const { json = false, ifMissing = false } = options
  const { added, known } = await withDatabase(async (database) => {
    if (isOwn(options)) {
      const isNew = await database.transaction(async (tx) => {
        const person = await findPerson(tx, options.person)
        const isNew = await addOwn(tx, person, options)
        const { person: _, json: _json, ifMissing: _if, purpose: _purpose, ...after } = options
        if (isNew) await auditCommand(tx, 'notifier', { ...audited('follow.add', person), after })
        return isNew
      })
      if (!isNew && !ifMissing) throw new UsageError('This subscription already exists: use --if-missing.')
      return { added: Number(isNew), known: Number(!isNew) }
    }
    const { person, companies, channel } = await resolve(database, options)
    const wanted = channel === null ? companies.length : 1
    const added =
      channel === null
        ? await follow(database, person, companies)
        : await database.transaction(async (tx) => {
            const changed = await subscribeChannel(tx, person, channel, options.purpose)
            const after = { channel, purpose: options.purpose }
            if (changed > 0) await auditCommand(tx, 'notifier', { ...audited('channel.follow', person), after })
            return changed
          })
    // With --all-companies some usually exist already, so only a single subscription that exists is a mistake.
    if (added < wanted && !ifMissing && !options.allCompanies)
      throw new UsageError(`Person ${person} already has this subscription: use --if-missing.`)
    return { added, known: wanted - added }
  })
  printResult({ added, known }, `added ${added}, ${known} already existed`, json)
}

async function remove(options: Options & { id?: string; yes?: boolean }): Promise<void> {
  const { yes, json = false } = options
  const removed = await withDatabase(async (database) => {
    const { person, rows } = await findRows(database, options)
    const counts = await Promise.all(
      rows.map((row) => database.oneFirst(sql.type(countRow)`SELECT count(*)::int AS count FROM ${row}`)),
    )
    const count = counts.reduce((sum, one) => sum + one, 0)
    if (count === 0 && options.allCompanies) return 0
    if (count === 0)
      throw new UsageError(`Person ${person} has no such subscription. \`parma subscriptions ls\` lists them.`)
    await confirm(yes, `This ends ${formatCount(count, 'subscription')} of person ${person}.`)
    return database.transaction(async (tx) => {
      let removed = 0
      for (const row of rows) removed += (await tx.query(sql.unsafe`DELETE FROM ${row}`)).rowCount
      const { person: _, yes: _yes, json: _json, purpose: _purpose, ...given } = options
      await auditCommand(tx, 'notifier', { ...audited('follow.remove', person), before: { ...given, rows: removed } })
      return removed
    })
  })
  printResult({ removed }, `removed ${removed}`, json)
}

const countRow = z.object({ count: z.number() })

/** The rows that hold what `rm` is to end, as tables with a condition. */
async function findRows(database: Database, options: Options & { id?: string }) {
  if (options.id !== undefined) {
    const id = requireId(options.id, remedy, '--id')
    const person = await findPerson(database, options.person)
    return { person, rows: [ownRow(person, id)] }
  }
  const { person, companies, channel } = await resolve(database, options)
  const ids = sql.array(companies, 'int4')
  const rows =
    channel === null
      ? [
          sql.fragment`public.company_subscription WHERE user_id = ${person} AND company_id = ANY(${ids})`,
          sql.fragment`public.news_subscription WHERE user_id = ${person} AND company_id = ANY(${ids})`,
        ]
      : [
          isOwnChannel(channel)
            ? sql.fragment`notifier.channel_subscription WHERE user_id = ${person} AND channel_id = ${channel}`
            : sql.fragment`public.notification_subscription WHERE user_id = ${person} AND channel_id = ${channel}`,
        ]
  return { person, rows }
}

const remedy = '`parma subscriptions ls` shows the ids.'

async function edit(id: string, { json = false, ...changes }: SubscriptionOptions & { json?: boolean }): Promise<void> {
  if (Object.values(changes).every((one) => one === undefined))
    throw new UsageError('Nothing to change: give --severity, --kind or --only-channel.')
  const subscription = requireId(id, remedy)
  await withDatabase((database) =>
    database.transaction(async (tx) => {
      const { person, ...edited } = await editOwn(tx, subscription, changes)
      await auditCommand(tx, 'notifier', { ...audited('follow.edit', person), ...edited })
    }),
  )
  printResult({ id: subscription }, `changed subscription ${subscription}`, json)
}

async function preview(news: string, { person, json = false }: { person?: string; json?: boolean }): Promise<void> {
  const rows = await withDatabase(async (database) =>
    explainRecipients(database, news, person === undefined ? null : await findPerson(database, person)),
  )
  printRows(rows, json)
}

type Resolved = { person: number; companies: number[]; channel: number | null }

async function resolve(database: Database, { person, company, allCompanies, channel }: Options): Promise<Resolved> {
  if ([company, allCompanies, channel].filter((one) => one !== undefined).length !== 1)
    throw new UsageError('Give one of --company, --all-companies and --channel.')
  const id = await findPerson(database, person)
  if (company !== undefined) return { person: id, companies: [await findCompany(database, company)], channel: null }
  if (channel === undefined) {
    const all = await database.anyFirst(
      sql.type(z.object({ id: z.number() }))`SELECT id FROM public.company ORDER BY id`,
    )
    return { person: id, companies: [...all], channel: null }
  }
  const channelId = requireId(channel, '`parma channels ls` shows the ids.', '--channel')
  const isThere = await database.exists(sql.unsafe`SELECT FROM ${allChannels} c WHERE channel_id = ${channelId}`)
  if (!isThere) throw new UsageError(`There is no channel ${channelId}. \`parma channels ls\` lists them.`)
  return { person: id, companies: [], channel: channelId }
}

/** Lets a person follow companies, and returns how many they did not follow before: one audit row for all of them. */
async function follow(database: Database, person: number, companies: readonly number[]): Promise<number> {
  const [company] = companies
  if (companies.length === 1) {
    const { before } = await makeChange(database, 'notifier.follow.add', { person, company })
    return before === null ? 1 : 0
  }
  return database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`
      INSERT INTO public.company_subscription (user_id, company_id, modified_at)
      SELECT ${person}::int, unnest, ${utcNow} FROM unnest(${sql.array(companies, 'int4')})
      ON CONFLICT DO NOTHING`)
    if (rowCount > 0)
      await auditCommand(tx, 'notifier', { ...audited('follow.add', person), after: { all_companies: rowCount } })
    return rowCount
  })
}
