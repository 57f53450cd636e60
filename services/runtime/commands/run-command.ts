import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { UsageError } from './commands.ts'

const parma = resolve(import.meta.dirname, '../../cli/main.ts')

/** Runs another command of `parma`, also one of another service, and returns its exit code. Its output goes to this one's. */
export async function runCommand(...args: string[]): Promise<number> {
  const child = spawn(process.execPath, [parma, ...args], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** The same for what the command prints on stdout. A UsageError if it fails; it has said why. */
export async function readCommand(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [parma, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>])
  if (code !== 0) throw new UsageError(`\`parma ${args.slice(0, 2).join(' ')}\` failed.`)
  return printed
}
