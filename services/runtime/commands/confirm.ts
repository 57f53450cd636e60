import type { Command } from 'commander'
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { UsageError } from './commands.ts'
import { escapeLines } from './terminal.ts'

/** The option of every command that asks before it removes something. */
export function withYes(command: Command): Command {
  return command.option('--yes', 'remove without asking')
}

type Terminal = { input: NodeJS.ReadableStream & { isTTY?: boolean }; output: NodeJS.WritableStream }

/**
 * Returns when the person agrees that something is removed: with --yes, or at a terminal by the answer `y`. Otherwise
 * it throws a UsageError: exit code 2 if nobody could be asked, 1 after another answer. For every command that removes
 * what a person or a module made. `what`: sentences that say what goes.
 */
export async function confirm(
  yes: boolean | undefined,
  what: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (yes) return
  if (!input.isTTY) throw new UsageError(`${what} Confirm with --yes.`, { exitCode: 2 })
  const asking = createInterface({ input, output })
  const ended = once(asking, 'close').then(() => '')
  const answered = asking.question(escapeLines(`${what} Go on? [y/N] `)).catch(() => '')
  const answer = await Promise.race([answered, ended])
  asking.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was changed.')
}
