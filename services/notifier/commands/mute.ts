import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  findBucket,
  findCompany,
  findPerson,
  findSource,
  isoTime,
  withDatabase,
} from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { requireDuration, requireId } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'
import { minuteMs } from '#runtime/text/time.ts'
import { makeChange } from '../changes/make-change.ts'

type Output = { json?: boolean }

const muteRow = z.object({
  id: z.number(),
  person_id: z.number(),
  person: z.string(),
  what: z.string(),
  below: z.string().nullable(),
  until: z.string().nullable(),
})

const muteColumns = sql.fragment`
  mute_id AS id, u.id AS person_id, u.name AS person,
  coalesce(nullif(concat_ws(', ',
    'company ' || coalesce((SELECT name FROM public.company WHERE id = m.company_id), m.company_id::text),
    'bucket ' || coalesce((SELECT title FROM public.bucket WHERE id = m.bucket_id), m.bucket_id::text),
    'source ' || coalesce((SELECT source_name FROM public.data_source WHERE id = m.data_source_id), m.data_source_id::text),
    'measurement ' || m.source_measurement_id, 
    CASE WHEN m.subject_key IS NOT NULL THEN concat_ws(' ', 'one series', nullif(m.item_key, '')) END,
    CASE WHEN m.worse_than IS NOT NULL THEN 'until it gets worse' END), ''), 'everything') AS what,
  below, ${isoTime(sql.fragment`until`)} AS until`

export function build(group: Command): void {
  group.command('ls').description('list what is muted now').option('--json', 'print JSON').action(list)
  group
    .command('add')
    .description(
      'send a person no news items that match all given options, not even critical ones; digests still contain them',
    )
    .requiredOption('--person <person>', 'id or name')
    .option('--company <company>', 'id or name')
    .option('--bucket <bucket>', 'id or title: the companies that are in it')
    .option('--source <source>', 'id or name')
    .option('--measurement <id>', 'id in source_measurement')
    .addOption(
      new Option('--below <severity>', 'only news items less severe than this').choices(['warning', 'critical']),
    )
    .option('--for <time>', 'such as 30m, 2h or 7d; default: permanently')
    .option('--json', 'print JSON')
    .action(add)
  withYes(group.command('rm').description('end a mute'))
    .argument('<id>', 'as `parma mute ls` shows it')
    .option('--json', 'print JSON')
    .action(remove)
}

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(muteRow)`
      SELECT ${muteColumns}
      FROM notifier.mute m JOIN public."user" u ON u.id = m.user_id
      WHERE until IS NULL OR until > now() ORDER BY u.id, mute_id`),
  )
  printRows(
    rows.map(({ person_id: _, ...row }) => row),
    json,
    ['until'],
  )
}

type Wanted = {
  person: string
  company?: string
  bucket?: string
  source?: string
  measurement?: string
  below?: 'warning' | 'critical'
  for?: string
}

async function add({ json = false, ...wanted }: Wanted & Output): Promise<void> {
  const minutes = wanted.for === undefined ? undefined : requireDuration(wanted.for, '--for') / minuteMs
  const measurement =
    wanted.measurement === undefined
      ? undefined
      : requireId(wanted.measurement, 'Give an id of source_measurement.', '--measurement')
  const id = await withDatabase(async (database) => {
    const person = await findPerson(database, wanted.person)
    const company = wanted.company === undefined ? undefined : await findCompany(database, wanted.company)
    const source = wanted.source === undefined ? undefined : await findSource(database, wanted.source)
    const bucket = wanted.bucket === undefined ? undefined : await findBucket(database, wanted.bucket)
    const what = { company, bucket, source, measurement, below: wanted.below, minutes }
    return (await makeChange(database, 'notifier.mute.add', { person, ...what })).id
  })
  printResult({ id }, `mute ${id}${wanted.for === undefined ? '' : ` for ${wanted.for}`}`, json)
}

async function remove(text: string, { yes, json = false }: Output & { yes?: boolean }): Promise<void> {
  const id = requireId(text, '`parma mute ls` shows the ids.')
  await withDatabase(async (database) => {
    const mute = await database.maybeOne(sql.type(muteRow)`
      SELECT ${muteColumns} FROM notifier.mute m JOIN public."user" u ON u.id = m.user_id WHERE mute_id = ${id}`)
    if (!mute) throw new UsageError(`There is no mute ${id}. \`parma mute ls\` lists them.`)
    await confirm(yes, `This ends mute ${id} of ${mute.person} (${mute.what}).`)
    await makeChange(database, 'notifier.mute.remove', { person: mute.person_id, mute: id })
  })
  printResult({ id }, `removed mute ${id}`, json)
}
