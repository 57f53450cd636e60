import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand, auditWork, readRow } from '#runtime/changes/audit-command.ts'
import { findCompany, findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { requireText } from '#runtime/commands/read-typed.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { addMissingCompanies, findCompanyByName } from '../catalog/companies.ts'
import { listContents } from '../catalog/list-contents.ts'
import { removeCompany } from '../catalog/remove.ts'
import { linkMissing } from '../catalog/source-links.ts'
import { showCompany } from './show-company.ts'

type Output = { json?: boolean }
type Fields = { name?: string; description?: string }
type AddOptions = { name: string[]; description?: string; ifMissing?: boolean }

const idRow = z.object({ id: z.number() })
const companyRow = z.object({
  id: z.number(),
  name: z.string(),
  description: z.string().nullable(),
  sources: z.number(),
  identifiers: z.number(),
})

export function build(group: Command): void {
  group.command('ls').description('list companies').option('--json', 'print JSON').action(list)
  group
    .command('show')
    .description('show a company: its sources, series with their growth, list items and news items')
    .argument('<company>', 'id or name')
    .option('--csv', 'print the series as CSV')
    .option('--json', 'print JSON')
    .action(showCompany)
  group
    .command('add')
    .description('add companies and link each with every source')
    .requiredOption('--name <names...>', 'name; several names add several companies, all or none')
    .option('--description <text>', 'what the company does')
    .option('--if-missing', 'do nothing if a company of this name exists')
    .option('--json', 'print JSON')
    .action(add)
  group
    .command('edit')
    .description('change a company')
    .argument('<company>', 'id or name')
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what the company does')
    .option('--json', 'print JSON')
    .action(edit)
  withYes(group.command('rm').description('remove a company with all that parma-web shows of it'))
    .argument('<company>', 'id or name')
    .option('--json', 'print JSON')
    .action(remove)
  group
    .command('link')
    .description(
      'crawl a source for a company; with --property and --value by this identifier, else by those of discovery',
    )
    .requiredOption('--company <company>', 'id or name')
    .requiredOption('--source <source>', 'id or name')
    .option('--property <property>', 'kind of identifier, for example handles')
    .option('--value <value>', 'the identifier')
    .option('--json', 'print JSON')
    .action(link)
}

const audited = (verb: string, id: number) => ({ kind: `edge.company.${verb}`, subject: `company:${id}` })

const readCompanyRow = (tx: Transaction, id: number) => readRow(tx, ['public', 'company'], { key: 'id', id })

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(companyRow)`
      SELECT id, name, description,
        (SELECT count(*) FROM public.company_data_source l WHERE l.company_id = c.id)::int AS sources,
        (SELECT count(*) FROM public.company_data_source l
          JOIN public.company_data_source_identifier i ON i.company_data_source_id = l.id
          WHERE l.company_id = c.id)::int AS identifiers
      FROM public.company c ORDER BY id`),
  )
  printRows(rows, json)
}

type Added = { id: number; name: string; added: boolean }

async function add({ name: names, description, ifMissing = false, json = false }: Output & AddOptions): Promise<void> {
  const wanted = names.map((name) => requireText(name, '--name'))
  const results = await withDatabase((database) =>
    database.transaction(async (tx) => {
      await lockTable(tx, 'company')
      const added: Added[] = []
      for (const name of wanted) added.push(await addOne(tx, name, description ?? null, ifMissing))
      return added
    }),
  )
  const text = results.map(({ id, added }) => (added ? `added company ${id}` : `company ${id} already exists`))
  printResult(results.length === 1 ? results[0] : results, text.join('\n'), json)
}

async function addOne(tx: Transaction, name: string, description: string | null, ifMissing: boolean): Promise<Added> {
  const known = await findCompanyByName(tx, name)
  if (known !== null && ifMissing) return { id: known.id, name, added: false }
  if (known !== null)
    throw new UsageError(
      `Company ${known.id} is already called ${known.name}. Use --if-missing or \`parma companies edit ${known.id}\`.`,
    )
  const [company] = await addMissingCompanies(tx, [name], { description })
  const after = await readCompanyRow(tx, company!.id)
  await auditCommand(tx, 'edge', { ...audited('add', company!.id), after })
  return { ...company!, added: true }
}

async function edit(company: string, { name, description, json = false }: Fields & Output): Promise<void> {
  if (name === undefined && description === undefined)
    throw new UsageError('Nothing to change. Give --name or --description.')
  const newName = name === undefined ? null : requireText(name, '--name')
  const id = await withDatabase(async (database) => {
    const id = await findCompany(database, company)
    await database.transaction(async (tx) => {
      await lockTable(tx, 'company')
      const known = newName === null ? null : await findCompanyByName(tx, newName)
      if (known !== null && known.id !== id)
        throw new UsageError(`Company ${known.id} is already called ${known.name}.`)
      const change = sql.unsafe`
        UPDATE public.company SET name = coalesce(${newName}, name),
          description = coalesce(${description ?? null}, description), modified_at = ${utcNow}
        WHERE id = ${id}`
      const read = () => readCompanyRow(tx, id)
      await auditWork(tx, 'edge', audited('edit', id), { read, work: () => tx.query(change) })
    })
    return id
  })
  printResult({ id }, `changed company ${id}`, json)
}

const contents = z.object({ name: z.string(), news: z.number(), notifications: z.number(), reports: z.number() })

async function remove(company: string, { yes = false, json = false }: Output & { yes?: boolean }): Promise<void> {
  const id = await withDatabase(async (database) => {
    const id = await findCompany(database, company)
    const { name, ...rows } = await database.one(sql.type(contents)`
      SELECT name,
        (SELECT count(*) FROM public.news WHERE company_id = c.id)::int AS news,
        (SELECT count(*) FROM public.notification WHERE company_id = c.id)::int AS notifications,
        (SELECT count(*) FROM public.report WHERE company_id = c.id)::int AS reports
      FROM public.company c WHERE id = ${id}`)
    const parts = listContents(
      ['all its values', 'subscriptions'],
      [
        [rows.news, 'news item'],
        [rows.notifications, 'notification'],
        [rows.reports, 'report'],
      ],
    )
    await confirm(yes, `This removes company ${id} (${name}) with ${parts}.`)
    await database.transaction(async (tx) => {
      const before = await readCompanyRow(tx, id)
      await removeCompany(tx, id)
      await auditCommand(tx, 'edge', { ...audited('remove', id), before })
    })
    return id
  })
  printResult({ id }, `removed company ${id}`, json)
}

const renewedRow = z.object({ id: z.number(), before: z.string().nullable(), after: z.string() })

type Link = { company: string; source: string; property?: string; value?: string }

/** A manual identifier is valid for six months, as in parma-web. Linking it again renews it. */
async function link({ company, source, property, value, json = false }: Link & Output): Promise<void> {
  if ((property === undefined) !== (value === undefined)) throw new UsageError('Give both --property and --value.')
  const identifier =
    property === undefined || value === undefined
      ? null
      : { key: requireText(property, '--property'), text: requireText(value, '--value') }
  const result = await withDatabase(async (database) => {
    const [companyId, sourceId] = [await findCompany(database, company), await findSource(database, source)]
    return database.transaction(async (tx) => {
      await lockTable(tx, 'company')
      const isNew = await linkMissing(tx, { companyIds: [companyId], sourceId })
      const linked = { kind: 'edge.company.link', subject: `company:${companyId}` }
      if (isNew) await auditCommand(tx, 'edge', { ...linked, after: { source: sourceId } })
      if (identifier === null) return { id: null, added: isNew }
      const { key, text } = identifier
      const linkId = await tx.oneFirst(sql.type(idRow)`
        SELECT id FROM public.company_data_source WHERE company_id = ${companyId} AND data_source_id = ${sourceId}`)
      const known = await tx.maybeOne(sql.type(renewedRow)`
        UPDATE public.company_data_source_identifier i SET validity = ${utcNow} + interval '6 months'
        FROM (SELECT id, validity FROM public.company_data_source_identifier
          WHERE company_data_source_id = ${linkId} AND identifier_type = 'MANUALLY_ADDED' AND property = ${key}
            AND value = ${text} ORDER BY id LIMIT 1) b
        WHERE i.id = b.id RETURNING i.id, b.validity::text AS before, i.validity::text AS after`)
      if (known !== null) {
        const named = { source: sourceId, property: key, value: text }
        await auditCommand(tx, 'edge', {
          ...{ kind: 'edge.company.renew', subject: `company:${companyId}` },
          ...{ before: { ...named, validity: known.before }, after: { ...named, validity: known.after } },
        })
        return { id: known.id, added: false }
      }
      const { id } = await tx.one(sql.type(idRow)`
        INSERT INTO public.company_data_source_identifier
          (company_data_source_id, identifier_type, property, value, validity)
        VALUES (${linkId}, 'MANUALLY_ADDED', ${key}, ${text}, ${utcNow} + interval '6 months') RETURNING id`)
      await auditCommand(tx, 'edge', { ...linked, after: { source: sourceId, property: key, value: text } })
      return { id, added: true }
    })
  })
  const linked = result.added ? 'linked; discovery asks the source for its names' : 'already linked'
  printResult(result, result.id === null ? linked : `identifier ${result.id} is valid for six months`, json)
}
