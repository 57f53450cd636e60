import { glob } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import type { CommandGroup } from '#runtime/commands/commands.ts'

/** `name`: a noun, or a noun and a verb where another service owns the noun's other verbs. `file`: the one to start. */
export type FoundCommand = { name: string; help: string; file: string }

const services = resolve(import.meta.dirname, '..')

/** Every command that a service declares in its commands.ts, by name. */
export async function findCommands(): Promise<FoundCommand[]> {
  const files = (await Array.fromAsync(glob('*/commands.ts', { cwd: services })))
    .filter((file) => dirname(file) !== 'runtime')
    .map((file) => resolve(services, file))
  const found = await Promise.all(
    files.map(async (file) => {
      const { commands } = (await import(pathToFileURL(file).href)) as { commands: Record<string, CommandGroup> }
      return Object.entries(commands).map(([name, { help }]) => ({ name, help, file }))
    }),
  )
  return found.flat().sort((a, b) => a.name.localeCompare(b.name))
}

/** The help of `parma` itself, as wide as the terminal. */
export function renderHelp(commands: readonly FoundCommand[]): string {
  const program = new Command('parma').usage('<command> …').helpOption(false).helpCommand(false)
  for (const { name, help } of commands) program.addCommand(new Command(name).description(help))
  return [
    program.helpInformation(),
    '`parma <command> --help` describes a command; most print JSON with --json.',
    '`parma --version` prints the version.',
    'If the environment names no addresses, those of the local stack are used',
    '(.local/stack.env, or the file that PARMA_STACK_ENV names).',
  ].join('\n')
}
