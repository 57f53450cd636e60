import { type Command, Option } from 'commander'
import { z } from 'zod'
import { findPerson, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { sql } from '#runtime/postgres/database.ts'
import { isZone } from '#runtime/text/time-zone.ts'
import { makeChange } from '../changes/make-change.ts'

type Output = { json?: boolean }

const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

const quietRow = z.object({
  id: z.number(),
  person: z.string(),
  from: z.string(),
  to: z.string(),
  zone: z.string(),
  days: z.array(z.number()).nullable(),
  critical: z.string(),
})

export function build(group: Command): void {
  group.command('ls').description('list quiet hours').option('--json', 'print JSON').action(list)
  group
    .command('set')
    .description('set quiet hours of a person, replacing existing ones')
    .requiredOption('--person <person>', 'id or name')
    .option('--from <time>', 'such as 22:00')
    .option('--to <time>', 'such as 07:00; on the next day if not after --from')
    .option('--none', 'none at all: the usual ones do not apply either')
    .requiredOption('--zone <zone>', 'time zone, such as Europe/Berlin')
    .addOption(new Option('--day <day...>', 'days on which they begin; default: every day').choices(days))
    .option('--hold-critical', 'hold critical news items, too')
    .option('--add', 'keep existing ones')
    .option('--json', 'print JSON')
    .action(set)
  withYes(group.command('rm').description('remove all quiet hours of a person'))
    .requiredOption('--person <person>', 'id or name')
    .option('--json', 'print JSON')
    .action(remove)
}

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(quietRow)`
      SELECT quiet_hours_id AS id, u.name AS person, to_char(begins, 'HH24:MI') AS "from", to_char(ends, 'HH24:MI') AS "to", zone, days,
        CASE WHEN critical_passes THEN 'passes' ELSE 'waits' END AS critical
      FROM notifier.quiet_hours q JOIN public."user" u ON u.id = q.user_id ORDER BY u.id, quiet_hours_id`),
  )
  printRows(
    rows.map((row) => ({ ...row, days: nameDays(row.days) })),
    json,
  )
}

function nameDays(on: readonly number[] | null) {
  if (on === null) return 'every day'
  return on.length === 0 ? 'never' : on.map((day) => days[day - 1])
}

type Wanted = {
  person: string
  from?: string
  to?: string
  none?: boolean
  zone: string
  day?: string[]
  holdCritical?: boolean
  add?: boolean
}

async function set(options: Wanted & Output): Promise<void> {
  const hours = readHours(options)
  if (!isZone(options.zone))
    throw new UsageError(`There is no time zone ${JSON.stringify(options.zone)}: give one such as Europe/Berlin.`)
  const { zone } = options
  const { id } = await withDatabase(async (database) => {
    const person = await findPerson(database, options.person)
    return makeChange(database, 'notifier.quiet.set', { person, zone, ...hours })
  })
  const said = 'none' in hours ? 'never quiet' : `quiet from ${hours.from} to ${hours.to}, ${zone}`
  printResult({ id }, said, options.json ?? false)
}

function readHours({ from, to, none, day, holdCritical: hold_critical, add }: Wanted) {
  if (none && (from ?? to ?? day ?? hold_critical ?? add) !== undefined)
    throw new UsageError('--none goes without --from, --to, --day, --hold-critical and --add.')
  if (none) return { none: true as const }
  if (from === undefined || to === undefined) throw new UsageError('Give --from and --to, or --none.')
  const on = day?.map((name) => days.indexOf(name) + 1)
  return { from: readTime(from, '--from'), to: readTime(to, '--to'), days: on, hold_critical, add }
}

function readTime(text: string, option: string): string {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(text))
    throw new UsageError(`${option} is ${JSON.stringify(text)}: give a time such as 22:00.`)
  return text
}

async function remove({ person, yes, json = false }: Output & { person: string; yes?: boolean }): Promise<void> {
  const removed = await withDatabase(async (database) => {
    const id = await findPerson(database, person)
    const count = await database.oneFirst(sql.type(z.object({ count: z.number() }))`
      SELECT count(*)::int AS count FROM notifier.quiet_hours WHERE user_id = ${id}`)
    if (count === 0) throw new UsageError('This person has no quiet hours. `parma quiet ls` lists all.')
    await confirm(
      yes,
      `This removes all quiet hours of person ${id} (${count}). Messages that wait for their end are sent.`,
    )
    await makeChange(database, 'notifier.quiet.clear', { person: id })
    return count
  })
  printResult({ removed }, `removed ${removed}`, json)
}
