import { Command, CommanderError } from 'commander'
import { ConfigError } from '../process/config.ts'
import { watchWarnings } from '../process/node-warnings.ts'
import { classify } from '../process/retry.ts'

/** The commands behind one noun of `parma`, for example all of `parma sources …`. */
export type CommandGroup = {
  help: string
  /** Loaded only when one of its commands runs, so that `parma --help` stays quick. */
  load(): Promise<{ build(group: Command): void }>
}

/**
 * Declares the commands of a service. `parma` imports the file for their names and starts it as a process of its own to
 * run one: `node services/<service>/commands.ts <noun> <verb> …`. Where another service has a verb of its own for the same
 * noun, it declares `<noun> <verb>`.
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
  watchWarnings(({ name, message }) => console.error(`${name}: ${message}`))
  const program = new Command('parma').exitOverride().showHelpAfterError()
  for (const [words, { help, load }] of Object.entries(groups)) {
    const [noun = words] = words.split(' ')
    const group = program.command(noun).description(help).exitOverride().showHelpAfterError()
    if (args[0] === noun) (await load()).build(group)
    for (const command of group.commands) command.exitOverride().showHelpAfterError()
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

/** Says what went wrong and returns the exit code: 2 for wrong words, 1 for a mistake, 75 (EX_TEMPFAIL) when a server did
 *  not answer, 70 (EX_SOFTWARE) for what nobody thought of. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode && 2
  if (error instanceof UsageError || error instanceof ConfigError || (error as Error).name === 'RefusedError') {
    console.error((error as Error).message)
    return 1
  }
  if (classify(error) === 'transient') {
    console.error(`no answer, try again later: ${messageOf(error)}`)
    return 75
  }
  console.error(error)
  return 70
}

/** The messages of an error and of its causes; those of an AggregateError, which has none itself, joined. */
function messageOf(error: unknown): string {
  const { message, cause, errors } = error as Error & { errors?: unknown[] }
  const own = message || (errors ?? []).map(messageOf).join(', ')
  return cause instanceof Error && cause.message !== own ? `${own}: ${messageOf(cause)}` : own
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
