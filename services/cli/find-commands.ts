import { glob } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CommandGroup } from '#runtime/commands/commands.ts'

export type FoundCommand = { name: string; help: string; file: string }

const services = resolve(import.meta.dirname, '..')

/** Every noun that a service declares in its commands.ts, with the file to start for it. */
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

export function renderHelp(commands: readonly FoundCommand[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, help }) => `  ${name.padEnd(width)}  ${help}`)
  return [
    'Usage: parma <command> … [--json]',
    '',
    ...lines,
    '',
    '`parma <command> --help` says more. Where no addresses are set, those of the local stack (.local/stack.env) are used.',
  ].join('\n')
}
