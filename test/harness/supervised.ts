import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, type ServiceName } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { sendSignal } from '../../deploy/local/process-identity.ts'
import { answers, type Program, supervise } from '../../deploy/local/processes.ts'
import { onCleanup } from './cleanup.ts'
import { waitFor } from './wait-for.ts'

export type SupervisedService = SupervisedProgram & {
  /** Where the edge takes requests; the same after a restart. */
  url: string
  healthUrl: string
}

export type SupervisedProgram = {
  /** Kills it (SIGKILL) and resolves when it has been restarted and is ready. */
  replace(): Promise<void>
  /** Ends its process, after which it is started again. Returns its id. */
  end(signal: NodeJS.Signals): number
  /** The process that runs now. */
  pid(): number
  /** Ends it in order, until what it resolves with is called, which resolves when it is healthy again. */
  rest(): Promise<() => Promise<void>>
  /** Ends it for good, in order. */
  stop(): Promise<void>
  /** How often it ended without being killed. */
  crashes(): number
  isReady(): boolean
  logs(): string
}

/**
 * Kills one service after the other (SIGKILL), each when `progress` has grown since the last one died and is below `most`.
 * Resolves when all of them are ready again. `after`: what else happens at each death.
 */
export async function killInTurn(
  running: ReadonlyMap<string, SupervisedService>,
  progress: () => Promise<number>,
  { most, patienceMs, after }: { most: number; patienceMs: number; after?: (name: string) => Promise<void> },
): Promise<void> {
  const back: Promise<void>[] = []
  let before = 0
  for (const [name, service] of running) {
    const grown = async () => {
      const now = await progress()
      return now > before && now
    }
    before = await waitFor(`progress before ${name} dies`, grown, patienceMs)
    if (before >= most) throw new Error(`all was done before ${name} could die`)
    back.push(service.replace())
    await after?.(name)
  }
  await Promise.all(back)
}

/**
 * Runs `services/<name>/main.ts` as the local stack does: on its own ports, and restarted whenever it ends. Resolves
 * when it is ready. It is stopped when the test is over. `from`: the folder of another version.
 */
export async function superviseService(
  name: ServiceName,
  env: NodeJS.ProcessEnv,
  from = root,
  patienceMs?: number,
): Promise<SupervisedService> {
  const [port, healthPort] = [await findFreePort(), await findFreePort()]
  const healthUrl = `http://127.0.0.1:${healthPort}`
  const program: Program = {
    name,
    command: process.execPath,
    args: [join(from, 'services', name, 'main.ts')],
    cwd: from,
    env: { ...env, EDGE_PORT: String(port), HEALTH_PORT: String(healthPort) },
    isHealthy: () => answers(`${healthUrl}/readyz`),
    stopSignal: 'SIGTERM',
  }
  const started = await superviseProgram(program, patienceMs)
  return { ...started, url: `http://127.0.0.1:${port}`, healthUrl }
}

/** Runs a program as the local stack does, restarted whenever it ends, until the test is over. Resolves when it is healthy. */
export async function superviseProgram(program: Program, patienceMs = 60_000): Promise<SupervisedProgram> {
  const { name } = program
  const logDir = mkdtempSync(join(tmpdir(), `parma-${name}-`))
  const now = { pid: 0, healthy: false }
  const counts = { starts: 0, kills: 0 }
  const downFile = join(logDir, 'down')
  const process_ = supervise(program, {
    logDir,
    downFile,
    say: () => undefined,
    onChange(_, { identity, healthy }) {
      const pid = identity?.pid ?? 0
      if (pid !== 0 && pid !== now.pid) counts.starts++
      Object.assign(now, { pid, healthy })
    },
  })
  const logs = () => readFileSync(join(logDir, `${name}.log`), 'utf8')
  onCleanup(async ({ failed }) => {
    await process_.stop(10_000)
    const fatal = logs()
      .split('\n')
      .filter((line) => line.includes('"level":"fatal"'))
    const told = [...fatal, `--- end of the log of ${name}`, logs().slice(-4000).trimEnd(), '---']
    if (failed) console.log(told.join('\n'))
    rmSync(logDir, { recursive: true })
  })
  await process_.waitUntilHealthy(patienceMs)

  function end(signal: NodeJS.Signals): number {
    const { pid } = now
    if (pid === 0) return 0
    counts.kills++
    sendSignal(pid, signal)
    return pid
  }
  return {
    end,
    async replace() {
      const killed = await waitFor(`${name} to run`, () => end('SIGKILL'))
      await waitFor(`${name} to be back`, () => now.pid !== killed && now.healthy, 60_000)
    },
    async rest() {
      writeFileSync(downFile, '')
      end('SIGTERM')
      await waitFor(`${name} to end`, () => now.pid === 0)
      return async () => {
        rmSync(downFile)
        await waitFor(`${name} to be back`, () => now.healthy, patienceMs)
      }
    },
    pid: () => now.pid,
    stop: () => process_.stop(30_000),
    crashes: () => counts.starts - counts.kills - 1,
    isReady: () => now.healthy,
    logs,
  }
}
