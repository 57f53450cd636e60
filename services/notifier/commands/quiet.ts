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
    .requiredOption('--from <time>', 'such as 22:00')
    .requiredOption('--to <time>', 'such as 07:00; on the next day if not after --from')
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
    rows.map((row) => ({ ...row, days: row.days?.map((day) => days[day - 1]) ?? 'every day' })),
    json,
  )
}

type Wanted = {
  person: string
  from: string
  to: string
  zone: string
  day?: string[]
  holdCritical?: boolean
  add?: boolean
}

async function set(options: Wanted & Output): Promise<void> {
  const [begins, ends] = [readTime(options.from, '--from'), readTime(options.to, '--to')]
  if (!isZone(options.zone))
    throw new UsageError(`There is no time zone ${JSON.stringify(options.zone)}: give one such as Europe/Berlin.`)
  const { add, holdCritical: hold_critical, zone } = options
  const on = options.day?.map((day) => days.indexOf(day) + 1)
  const { id } = await withDatabase(async (database) => {
    const hours = { from: begins, to: ends, zone, days: on, hold_critical, add }
    return makeChange(database, 'notifier.quiet.set', { person: await findPerson(database, options.person), ...hours })
  })
  printResult({ id }, `quiet from ${begins} to ${ends}, ${options.zone}`, options.json ?? false)
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
