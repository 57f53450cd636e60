import type { Command } from 'commander'
import { findBucket, findCompany, findPerson, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { linkSettings } from '#runtime/process/settings.ts'
import type { FeedSubject } from '#runtime/web/signed-links.ts'
import { openFeedAddresses, revokeFeeds } from './address.ts'

type Subject = { bucket?: string; company?: string }
type Show = Subject & { person: string; json?: boolean }
type Revoke = { person: string; yes?: boolean; json?: boolean }

export function build(group: Command): void {
  group
    .command('show')
    .description('show the address of an Atom feed; whoever has it reads as that person')
    .requiredOption('--person <person>', 'whose feed: id or name')
    .option('--bucket <bucket>', 'only companies in this bucket: id or title')
    .option('--company <company>', 'only this company: id or name; without both, all that the person follows')
    .option('--json', 'print JSON')
    .action(show)
  group
    .command('revoke')
    .description('end all addresses of feeds that a person has; `show` gives new ones')
    .requiredOption('--person <person>', 'id or name')
    .option('--yes', 'revoke without asking')
    .option('--json', 'print JSON')
    .action(revoke)
}

async function show({ person, json = false, ...of }: Show): Promise<void> {
  const settings = readEnv(linkSettings)
  const found = await withDatabase(async (database) => {
    const id = await findPerson(database, person)
    const subject = await findSubject(database, of)
    return { person_id: id, subject, address: (await openFeedAddresses(settings, database, id))(subject) }
  })
  if (found.address === null) throw new UsageError('PUBLIC_URL and LINK_SECRET are not set: there are no feeds.')
  printResult(found, found.address, json)
}

async function findSubject(database: Database, { bucket, company }: Subject): Promise<FeedSubject> {
  if (bucket !== undefined && company !== undefined) throw new UsageError('Give --bucket or --company, not both.')
  if (bucket !== undefined) return `bucket-${await findBucket(database, bucket)}`
  return company === undefined ? 'all' : `company-${await findCompany(database, company)}`
}

async function revoke({ person, yes, json = false }: Revoke): Promise<void> {
  const id = await withDatabase(async (database) => {
    const id = await findPerson(database, person)
    await confirm(yes, `All feed addresses of person ${id} would end.`)
    await revokeFeeds(database, id, commandActor().name)
    return id
  })
  printResult({ person_id: id }, `revoked all feed addresses of person ${id}`, json)
}
