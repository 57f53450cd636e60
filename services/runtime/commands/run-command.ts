import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const parma = resolve(import.meta.dirname, '../../cli/main.ts')

/** Runs another command of `parma`, also one of another service, and returns its exit code. Its output goes to this one's. */
export async function runCommand(...args: string[]): Promise<number> {
  const child = spawn(process.execPath, [parma, ...args], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
