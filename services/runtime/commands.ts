import { Command, CommanderError } from 'commander'
import { ConfigError } from './config.ts'

/** The commands behind one noun of `parma`, for example all of `parma sources …`. */
export type CommandGroup = {
  help: string
  /** Loaded only when one of its commands runs, so that `parma --help` stays quick. */
  load(): Promise<{ build(group: Command): void }>
}

/**
 * Declares the commands of a service. `parma` imports the file for their names and starts it as a process of its own to
 * run one: `node services/<service>/commands.ts <noun> <verb> …`.
 */
export function defineCommands(meta: ImportMeta, groups: Record<string, CommandGroup>): Record<string, CommandGroup> {
  if (meta.main) void runCommands(groups, process.argv.slice(2))
  return groups
}

/** A mistake of the person at the keyboard: its message is all they see. Says what is wrong and what to do. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

async function runCommands(groups: Record<string, CommandGroup>, args: string[]): Promise<void> {
  const program = new Command('parma').exitOverride().showHelpAfterError()
  for (const [noun, { help, load }] of Object.entries(groups)) {
    const group = program.command(noun).description(help).exitOverride().showHelpAfterError()
    if (args[0] === noun) (await load()).build(group)
    for (const command of group.commands) command.exitOverride().showHelpAfterError()
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode && 2
    else if (error instanceof UsageError || error instanceof ConfigError) {
      console.error(error.message)
      process.exitCode = 1
    } else {
      console.error(error)
      process.exitCode = 70
    }
  }
}

/** Prints rows for people as a table, or with `json` one JSON document for programs. */
export function printRows(rows: readonly Record<string, unknown>[], json: boolean): void {
  if (json) return console.log(JSON.stringify(rows, null, 2))
  const [first] = rows
  if (!first) return console.log('none')
  const names = Object.keys(first)
  const cell = (value: unknown) =>
    value === null || value === undefined ? '-' : Array.isArray(value) ? value.join(', ') : String(value)
  const lines = [names, ...rows.map((row) => names.map((name) => cell(row[name])))]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  for (const line of lines)
    console.log(
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

/** Prints one thing: `text` for people, `value` as JSON for programs. */
export function printResult(value: unknown, text: string, json: boolean): void {
  console.log(json ? JSON.stringify(value, null, 2) : text)
}
