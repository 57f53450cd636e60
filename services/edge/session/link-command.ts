import type { Command } from 'commander'
import { findPerson, nameOfCaller, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import { linkSettings, serviceSettings } from '#runtime/process/settings.ts'
import { makeSignInLink } from '#runtime/web/signed-links.ts'
import { settings } from '../config.ts'
import { addSignIn } from './sign-ins.ts'
import { readTarget } from './target.ts'

type Options = { page: string; by?: string; json?: boolean }

export function build(group: Command): void {
  group
    .command('link')
    .description('make a link that signs a person in once, for where e-mail does not work')
    .argument('<person>', 'id or name')
    .option('--page <path>', 'page that the link leads to', '/console')
    .option('--by <name>', 'who makes it; the user of this machine by default')
    .option('--json', 'print JSON')
    .action(link)
}

async function link(person: string, { page, by, json = false }: Options): Promise<void> {
  const { DEPLOYMENT_ENV } = serviceSettings
  const { SIGN_IN_MINUTES } = settings
  const config = readEnv({ DEPLOYMENT_ENV, SIGN_IN_MINUTES, ...linkSettings })
  const path = readTarget(page)
  if (path !== page) throw new UsageError(`--page is ${JSON.stringify(page)}: give a path such as /console/watchlist.`)
  const actor = `cli:${nameOfCaller(by)}`
  const minutes = config.SIGN_IN_MINUTES
  const made = await withDatabase(async (database) => {
    const userId = await findPerson(database, person)
    return database.transaction(async (tx) => {
      const { id, expiresAt } = await addSignIn(tx, { userId, path, browser: null, minutes }, actor)
      const url = makeSignInLink(config, id)
      if (url === null) throw new UsageError('PUBLIC_URL and LINK_SECRET are not both set: links need them.')
      return { person: userId, link: url, expires_at: new Date(expiresAt).toISOString() }
    })
  })
  const text = `${made.link}\nIt works once, for ${minutes} minutes. Whoever opens it signs in as this person: give it to nobody else.`
  printResult(made, text, json)
}
