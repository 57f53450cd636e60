import { glob } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import type { CommandGroup } from '#runtime/commands/commands.ts'
import type { KnownCommand } from './check-commands.ts'

const root = resolve(import.meta.dirname, '../..')

type Option = { flags: string; help: string; isRequired: boolean }
type Verb = KnownCommand & { help: string; usage: string; details: readonly Option[] }
/** All commands of one noun, from one service. `help` is that of `parma --help`. */
export type Noun = { words: string; help: string; service: string; verbs: readonly Verb[] }

/** Every command of every service with its options, as commander knows them. */
export async function readCommands(): Promise<Noun[]> {
  const nouns: Noun[] = []
  for (const file of (await Array.fromAsync(glob('services/*/commands.ts', { cwd: root }))).sort()) {
    const { commands } = (await import(pathToFileURL(join(root, file)).href)) as {
      commands: Record<string, CommandGroup>
    }
    for (const [words, { help, load }] of Object.entries(commands)) {
      const group = new Command(words.split(' ')[0])
      const { build } = await load()
      build(group)
      const verbs = group.commands.length > 0 ? group.commands : [group]
      const service = file.split('/')[1] ?? ''
      nouns.push({ words, help, service, verbs: verbs.map((verb) => describeVerb(group, verb)) })
    }
  }
  return nouns.sort((a, b) => (a.words < b.words ? -1 : 1))
}

function describeVerb(group: Command, verb: Command): Verb {
  const words = verb === group ? group.name() : `${group.name()} ${verb.name()}`
  const options = verb.options.filter(({ hidden }) => !hidden)
  return {
    words,
    help: verb.description(),
    usage: [words, ...verb.registeredArguments.map((one) => `<${one.name()}>`)].join(' '),
    options: options.flatMap(({ long, negate, attributeName }) =>
      long ? [long] : negate ? [`--no-${attributeName}`] : [],
    ),
    details: options.map(({ flags, description, mandatory, defaultValue }) => ({
      flags,
      help: `${description}${isShown(defaultValue) ? ` (default: ${String(defaultValue)})` : ''}`,
      isRequired: mandatory,
    })),
  }
}

function isShown(fallback: unknown): boolean {
  return ['string', 'number'].includes(typeof fallback)
}
