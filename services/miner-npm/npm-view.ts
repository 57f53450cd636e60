import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { root } from './config.ts'
import { readFacts, type Facts } from './facts.ts'

const run = promisify(execFile)
const maxAnswerBytes = 64 * 1024 * 1024

/** Looks a package up with npm itself, so at the registry that npm is configured for. */
export type ViewPackage = (name: string) => Promise<Facts>

/** npm is missing, too slow, or does not reach its registry: further look-ups would fail, too. */
export class RegistryUnavailable extends Error {
  constructor(cause: Error) {
    super(`npm view does not answer: ${cause.message.split('\n')[0]}`, { cause })
    this.name = 'RegistryUnavailable'
  }
}

/** How long one look-up may take. */
const defaultTimeoutMs = 20_000

export function openNpmView(command: string, timeout = defaultTimeoutMs): ViewPackage {
  return async (name) => {
    const options = ['--json', '--fetch-retries=1', `--fetch-timeout=${timeout}`, '--update-notifier=false']
    const answer = await run(command, ['view', name, ...options], {
      timeout,
      maxBuffer: maxAnswerBytes,
      cwd: root,
    }).catch((error: Error & { stdout?: string }) => {
      if (error.stdout?.includes('"E404"')) throw new Error(`the registry has no package ${name}`)
      throw new RegistryUnavailable(error)
    })
    return readFacts(JSON.parse(answer.stdout))
  }
}

/** The names of the packages that this project depends on. Only these are ever looked up. */
export function readDependencies(): Set<string> {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))
  return new Set([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort())
}
