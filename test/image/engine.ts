import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inheritedEnv } from '../../deploy/local/config.ts'
import { unpackDebianPackages } from '../harness/debian-packages.ts'
import { waitFor } from '../harness/wait-for.ts'

const run = promisify(execFile)

export type Engine = AsyncDisposable & {
  /** Runs a command of `docker` and returns what it prints, logs of a container included. */
  docker(...args: string[]): Promise<string>
}

/** Starts a Docker engine of its own, with its data and its socket in `dir`. It makes no networks. */
export async function startEngine(dir: string): Promise<Engine> {
  const folder = unpackDebianPackages(['docker.io'])
  const env = {
    ...inheritedEnv,
    PATH: `${join(folder, 'usr/bin')}:${join(folder, 'usr/sbin')}:${inheritedEnv.PATH}`,
    LD_LIBRARY_PATH: join(folder, 'usr/lib/x86_64-linux-gnu'),
  }
  const socket = `unix://${join(dir, 'engine.sock')}`
  const log = join(dir, 'engine.log')
  const places = [
    `--data-root=${join(dir, 'data')}`,
    `--exec-root=${join(dir, 'exec')}`,
    `--pidfile=${join(dir, 'pid')}`,
  ]
  const output = openSync(log, 'w')
  const engine = spawn(
    join(folder, 'usr/sbin/dockerd'),
    [...places, `--host=${socket}`, '--iptables=false', '--ip6tables=false', '--bridge=none'],
    { env, stdio: ['ignore', output, output] },
  )
  closeSync(output)
  const ended = once(engine, 'exit')
  const docker = async (...args: string[]) => {
    const { stdout, stderr } = await run(join(folder, 'usr/bin/docker'), [`--host=${socket}`, ...args], {
      env,
      maxBuffer: 64e6,
    })
    return `${stdout}${stderr}`.trim()
  }
  const stop = async () => {
    const left = (await docker('ps', '--all', '--quiet').catch(() => '')).split('\n').filter(Boolean)
    if (left.length > 0) await docker('rm', '--force', ...left)
    engine.kill('SIGTERM')
    await ended
    unmountAll(dir)
  }
  try {
    await waitFor('the engine', async () => engine.exitCode !== null || docker('version'))
    if (engine.exitCode !== null) throw new Error(`dockerd ended: ${readFileSync(log, 'utf8').slice(-2000)}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { docker, [Symbol.asyncDispose]: stop }
}

/** Takes off what the engine mounted in its folder and left there. */
function unmountAll(dir: string): void {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${dir}/`))
  for (const path of mounted.reverse()) execFileSync('umount', [path])
}
