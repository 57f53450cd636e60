import type { Command } from 'commander'
import { findPerson, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { escapeLine } from '#runtime/commands/terminal.ts'
import { explainAudience, type Explained } from './explain.ts'

export function build(group: Command): void {
  group
    .command('why')
    .description('explain whether people heard of a news item, and why not')
    .argument('<news>', 'id of the news item: its uuid, or its number in parma-web')
    .option('--person <person>', 'id or name; without it, everybody who followed the company then')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Says for each person whether an alert or a digest told of the news item, when and where, or why none did. It says what
the notifier recorded when it decided, so it does not change when people change what they follow.`,
    )
    .action(explain)
}

async function explain(news: string, { person, json = false }: { person?: string; json?: boolean }): Promise<void> {
  const explained =
    (await withDatabase(async (database) => {
      const id = person === undefined ? undefined : await findPerson(database, person)
      return explainAudience(database, news, id, Date.now())
    })) ?? []
  if (explained.length === 0)
    throw new UsageError(
      person === undefined
        ? `Nobody is known to have followed what news item ${JSON.stringify(news)} is about, or it does not exist. \`parma why\` says why it exists; --person tells more of one person.`
        : `News item ${JSON.stringify(news)} does not exist. Take the id from the message or from public.news.`,
    )
  printResult(explained, explained.map(print).join('\n'), json)
}

const verdicts = { yes: 'told', not_yet: 'not told yet', no: 'not told', unknown: 'not known' }

function print({ person, told, lines }: Explained): string {
  const head = `${person.name} (${person.person_id}): ${verdicts[told]}`
  return [head, ...lines.map(({ text }) => `  ${text}`)].map(escapeLine).join('\n')
}
