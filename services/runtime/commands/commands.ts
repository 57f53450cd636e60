import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../process/config.ts'
import { classify } from '../calls/retry.ts'
import { formatShortTime } from '../text/format.ts'
import { namesSystem, noSystem } from './config.ts'
import { cutToWidth, escapeLine, escapeLines, measureWidth, padToWidth } from './terminal.ts'

/** The commands behind one noun of `parma`, for example all of `parma sources …`. */
export type CommandGroup = {
  help: string
  /** Loaded only when one of its commands runs, so that `parma --help` stays quick. */
  load(): Promise<{ build(group: Command): void }>
}

/**
 * Declares the commands of a service. `parma` imports the file for their names and starts it as a process of its own to
 * run one: `node services/<service>/commands.ts <noun> <verb> …`. Where another service has a verb of its own for the
 * same noun, it declares `<noun> <verb>`.
 */
export function defineCommands(meta: ImportMeta, groups: Record<string, CommandGroup>): Record<string, CommandGroup> {
  if (meta.main) void runCommands(groups, process.argv.slice(2))
  return groups
}

/**
 * A mistake of the person at the keyboard. Its message is all they see: what is wrong and what to do. `exitCode`: 1, or
 * 2 when the command line itself is wrong.
 */
export class UsageError extends Error {
  readonly exitCode: 1 | 2
  constructor(message: string, { exitCode = 1 }: { exitCode?: 1 | 2 } = {}) {
    super(message)
    this.name = 'UsageError'
    this.exitCode = exitCode
  }
}

async function runCommands(groups: Record<string, CommandGroup>, args: string[]): Promise<void> {
  process.removeAllListeners('warning').on('warning', ({ name, message }) => printError(`${name}: ${message}`))
  const program = new Command('parma')
    .exitOverride()
    .showHelpAfterError()
    .configureOutput({ writeErr: (text) => process.stderr.write(escapeLines(text)) })
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

/**
 * Prints what went wrong and returns the exit code: 2 for a wrong command line, 1 for a mistake, 75 (EX_TEMPFAIL) when
 * a server did not answer, 70 (EX_SOFTWARE) for an unexpected error.
 */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof ConfigError && !namesSystem()) {
    printError(noSystem)
    return 1
  }
  if (error instanceof UsageError || error instanceof ConfigError || (error as Error).name === 'RefusedError') {
    printError((error as Error).message)
    return error instanceof UsageError ? error.exitCode : 1
  }
  if (classify(error) === 'transient') {
    printError(`No answer, try again later: ${messageOf(error)}`)
    return 75
  }
  printError(inspect(error))
  return 70
}

function printError(text: string): void {
  console.error(escapeLines(text))
}

/** The messages of an error and of its causes; those of an AggregateError, which has none itself, joined. */
function messageOf(error: unknown): string {
  const { message, cause, errors } = error as Error & { errors?: unknown[] }
  const own = message || (errors ?? []).map(messageOf).join(', ')
  return cause instanceof Error && cause.message !== own ? `${own}: ${messageOf(cause)}` : own
}

/**
 * Prints rows as a table, or with `json` as one JSON document. A table wider than the terminal is printed as one block
 * a row, a line for each column. Cells that fill more than some lines of the terminal are cut; JSON has them whole.
 * `times`: columns of times in ISO 8601, which the table has in the one form of commands.
 */
export function printRows<Row extends Record<string, unknown>>(
  rows: readonly Row[],
  json: boolean,
  times: readonly (keyof Row & string)[] = [],
): void {
  if (json) return printText(JSON.stringify(rows, null, 2))
  const [first] = rows
  if (!first) return console.log('none')
  const { columns } = process.stdout
  const widest = columns === undefined ? maxCellWidth : Math.min(maxCellWidth, maxCellLines * columns)
  const names = Object.keys(first)
  const cell = (value: unknown) => cutToWidth(escapeLine(textOf(value)) || '-', widest)
  const shown = (row: Row, name: string) => (times.includes(name) ? timeOf(row[name]) : row[name])
  const lines = [names, ...rows.map((row) => names.map((name) => cell(shown(row, name))))]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => measureWidth(line[column] ?? ''))))
  const width = widths.reduce((sum, one) => sum + one + 2, -2)
  if (width > (columns ?? Infinity)) {
    const longest = Math.max(...names.map((name) => name.length))
    const blocks = lines
      .slice(1)
      .map((line) => line.map((text, n) => `${names[n]?.padEnd(longest)}  ${text}`).join('\n'))
    return console.log(blocks.join('\n\n'))
  }
  for (const line of lines) console.log(joinCells(line, widths))
}

const maxCellWidth = 400
const maxCellLines = 4

function timeOf(value: unknown): unknown {
  const at = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(at) ? value : formatShortTime(at)
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? '')
}

function joinCells(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, column) => padToWidth(text, widths[column] ?? 0))
    .join('  ')
    .trimEnd()
}

/** Prints one thing: `text` for people, `value` as JSON for programs. */
export function printResult(value: unknown, text: string, json: boolean): void {
  printText(json ? JSON.stringify(value, null, 2) : text)
}

/** Prints lines that may hold foreign text. */
export function printText(text: string): void {
  console.log(escapeLines(text))
}
