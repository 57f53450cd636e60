import { type Command, Option } from 'commander'
import { z } from 'zod'
import { auditCommand, readRow } from '#runtime/changes/audit-command.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable } from '#runtime/postgres/public-tables.ts'
import { formatCount } from '#runtime/text/format.ts'
import { moduleUrl } from '#runtime/web/module-url.ts'
import { isLegalName } from '../access/sources.ts'
import { isStillReferenced } from '../catalog/foreign-keys.ts'
import { addSource, findByName, frequencies } from '../catalog/add-source.ts'
import { editSource } from '../catalog/edit-source.ts'
import { removeSource } from '../catalog/remove.ts'
import { linkMissing } from '../catalog/source-links.ts'
import { listContents } from '../catalog/list-contents.ts'

type Output = { json?: boolean }
type Fields = {
  name?: string
  endpoint?: string
  frequency?: string
  maxRunSeconds?: string
  description?: string
  active?: boolean
}

const sourceRow = z.object({
  id: z.number(),
  name: z.string(),
  endpoint: z.string(),
  frequency: z.string(),
  active: z.boolean(),
  health: z.string(),
  max_run_seconds: z.number(),
  measurements: z.number(),
  map_version: z.number().nullable(),
})

export function build(group: Command): void {
  group.command('ls').description('list sources').option('--json', 'print JSON').action(list)
  withFields(group.command('add').description('add a source; initialise it afterwards with GET /handshake'))
    .option('--inactive', 'do not crawl the source yet')
    .option('--all-companies', 'crawl it for every company that exists now, not only for those linked later')
    .option('--if-missing', 'do nothing if a source of this name exists')
    .action(add)
  withFields(group.command('edit').description('change a source').argument('<source>', 'id or name'))
    .option('--all-companies', 'crawl it for every company that exists now')
    .option('--active', 'crawl the source')
    .option('--no-active', 'do not crawl the source')
    .action(change)
  withYes(group.command('rm').description('remove a source with its measurements, values and tasks'))
    .argument('<source>', 'id or name')
    .option('--with-news', "remove the source's news items in parma-web, too")
    .option('--json', 'print JSON')
    .action(remove)
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'name that the module sends payloads under: a-z, 0-9, _ and -')
    .option('--endpoint <url>', 'address of the module; https:// is added where the scheme is missing')
    .addOption(new Option('--frequency <frequency>', 'how often the source is crawled').choices(frequencies))
    .option('--max-run-seconds <seconds>', 'how long one run may take (default 300)')
    .option('--description <text>', 'what the source is')
    .option('--json', 'print JSON')
}

const audited = (verb: string, id: number) => ({ kind: `edge.source.${verb}`, subject: `source:${id}` })

const readSourceRow = (tx: Transaction, id: number) => readRow(tx, ['public', 'data_source'], { key: 'id', id })

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(sourceRow)`
      SELECT id, source_name AS name, invocation_endpoint AS endpoint, lower(frequency::text) AS frequency,
        is_active AS active,
        health_status::text AS health, max_run_seconds,
        (SELECT count(*) FROM public.source_measurement m WHERE m.source_module_id = s.id)::int AS measurements,
        (SELECT max(version) FROM edge.normalization_map m WHERE m.data_source_id = s.id) AS map_version
      FROM public.data_source s ORDER BY id`),
  )
  printRows(rows, json)
}

type AddOptions = Fields & Output & { inactive?: boolean; allCompanies?: boolean; ifMissing?: boolean }

async function add({ inactive = false, allCompanies = false, ifMissing = false, json = false, ...fields }: AddOptions) {
  const { name, endpoint, frequency, maxRunSeconds = 300, description = null } = check(fields)
  if (!name || !endpoint || !frequency) throw new UsageError('A new source needs --name, --endpoint and --frequency.')
  const source = { name, endpoint, frequency, maxRunSeconds, description, isActive: !inactive, allCompanies }
  const result = await withDatabase((database) =>
    database.transaction((tx) => addSource(tx, source, commandActor().name)),
  )
  if (!result.added && !ifMissing)
    throw new UsageError(
      `Source ${result.id} is already called ${name}. Use --if-missing or \`parma sources edit ${result.id}\`.`,
    )
  printResult(result, result.added ? `added source ${result.id}` : `source ${result.id} already exists`, json)
}

type EditOptions = Fields & Output & { allCompanies?: boolean }

async function change(source: string, { allCompanies = false, json = false, ...fields }: EditOptions): Promise<void> {
  const edit = { ...check(fields), active: fields.active }
  const { name } = edit
  if (!allCompanies && Object.values(edit).every((one) => one === undefined))
    throw new UsageError(
      'Nothing to change. Give --name, --endpoint, --frequency, --max-run-seconds, --description, --active, --no-active or --all-companies.',
    )
  const id = await withDatabase(async (database) => {
    const id = await findSource(database, source)
    await database.transaction(async (tx) => {
      await lockTable(tx, 'data_source')
      const known = name === undefined ? null : await findByName(tx, name)
      if (known !== null && known !== id)
        throw new UsageError(`Source ${known} is already called ${name}. The names of sources are unique.`)
      await editSource(tx, id, edit, commandActor().name)
      if (allCompanies && (await linkMissing(tx, { sourceId: id })))
        await auditCommand(tx, 'edge', { ...audited('link', id), after: 'all companies' })
    })
    return id
  })
  printResult({ id }, `changed source ${id}`, json)
}

const contents = z.object({
  name: z.string(),
  measurements: z.number(),
  tasks: z.number(),
  news: z.number(),
  notifications: z.number(),
})

type RemoveOptions = Output & { withNews?: boolean; yes?: boolean }

async function remove(source: string, { withNews = false, yes, json = false }: RemoveOptions): Promise<void> {
  const id = await withDatabase(async (database) => {
    const id = await findSource(database, source)
    const { name, measurements, tasks, news, notifications } = await database.one(sql.type(contents)`
      SELECT source_name AS name,
        (SELECT count(*) FROM public.source_measurement WHERE source_module_id = s.id)::int AS measurements,
        (SELECT count(*) FROM public.scheduled_task WHERE data_source_id = s.id)::int AS tasks,
        (SELECT count(*) FROM public.news WHERE data_source_id = s.id)::int AS news,
        (SELECT count(*) FROM public.notification WHERE data_source_id = s.id)::int AS notifications
      FROM public.data_source s WHERE id = ${id}`)
    if (news > 0 && !withNews) throw new UsageError(refusal(id, name, news))
    const parts = listContents(measurements > 0 ? [formatCount(measurements, 'measurement'), 'all their values'] : [], [
      [tasks, 'task'],
      [news, 'news item'],
      [notifications, 'notification'],
    ])
    await confirm(yes, `This removes source ${id} (${name})${parts === '' ? '' : ` with ${parts}`}.`)
    const removal = database.transaction(async (tx) => {
      const before = await readSourceRow(tx, id)
      await removeSource(tx, id, withNews)
      await auditCommand(tx, 'edge', { ...audited('remove', id), before })
    })
    await removal.catch((error: unknown) => {
      throw isStillReferenced(error) ? new UsageError(refusal(id, name, 'new')) : error
    })
    return id
  })
  printResult({ id }, `removed source ${id}`, json)
}

const refusal = (id: number, name: string, news: number | 'new') =>
  `Source ${id} (${name}) cannot be removed: news items refer to it (${news}). Switch it off with \`parma sources edit ${id} --no-active\`, or remove them with it: --with-news.`

function check({ name, endpoint, frequency, maxRunSeconds, description }: Fields) {
  if (name !== undefined && !isLegalName(name))
    throw new UsageError(
      `--name is ${JSON.stringify(name)}. Only a-z, 0-9, _ and - are allowed, and names such as __this__ are not.`,
    )
  return {
    name,
    endpoint: endpoint === undefined ? undefined : readEndpoint(endpoint),
    frequency: frequency?.toUpperCase(),
    maxRunSeconds: maxRunSeconds === undefined ? undefined : requireCount(maxRunSeconds, '--max-run-seconds'),
    description,
  }
}

/** The address as typed: parma-web sends the stored text with the handshake. */
function readEndpoint(endpoint: string): string {
  try {
    moduleUrl(endpoint, '')
    return endpoint.trim()
  } catch (error) {
    throw new UsageError(`--endpoint: ${(error as Error).message}.`)
  }
}
