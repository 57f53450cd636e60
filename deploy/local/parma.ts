import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './config.ts'

/**
 * Runs one `parma` command in exactly this environment and returns its output. Throws with that output when it fails.
 */
export async function runParma(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const cli = join(root, 'services/cli/main.ts')
  try {
    const options = { cwd: root, env, maxBuffer: 64 * 1024 * 1024, timeout: 600_000 }
    return (await promisify(execFile)(process.execPath, [cli, ...args], options)).stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`parma ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}
