// Owns all other processes of a stack: starts them in order, keeps them running, stops them in order.
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { downFile, findTakenPort, readSettings, serverPorts, type ProgramName } from './config.ts'
import { fetchJavaServers } from './java-servers.ts'
import { identify } from './process-identity.ts'
import { type Program, supervise, type Supervised, type Supervision } from './processes.ts'
import { claimRecord, removeRecord, type StackRecord, writeRecord } from './record.ts'
import { serverPrograms, serviceProgram, standInPrograms } from './servers.ts'
import { createDatabase, type SetupStep, setupSteps } from './setup.ts'
import { describeStack, stackEnvFile, writeStackEnv } from './stack-env.ts'
import { waitForAll } from './start-up.ts'
import { removeStackData, stopRecorded } from './stop.ts'

/** What the supervisor sends to the process that started it, as long as that one listens. */
export type Report = { kind: 'progress' | 'failed'; text: string } | { kind: 'ready' }

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: '' },
    services: { type: 'string', default: '' },
    setup: { type: 'string', default: '' },
    'free-ports': { type: 'boolean', default: false },
    'external-servers': { type: 'boolean', default: false },
    'with-parent': { type: 'boolean', default: false },
    temporary: { type: 'boolean', default: false },
  },
})
const split = (list: string) => list.split(',').filter(Boolean)
const dir = values.dir
const stopping = new AbortController()
const stop = () => stopping.abort(new Error('stopped while starting'))
process.once('SIGTERM', stop).once('SIGINT', stop)
// A start ends when its caller has gone; what happens after the start depends on --with-parent.
process.once('disconnect', stop)
if (!process.connected) stop()

const supervisor = identify(process.pid)
if (supervisor === null) throw new Error('cannot identify this process')
const record: StackRecord = { supervisor, started: false, processes: {} }
const pids: Record<string, number> = { supervisor: process.pid }
let claimed = false
const groups: { servers: Supervised[]; services: Supervised[] } = { servers: [], services: [] }

function report(message: Report): void {
  if (message.kind !== 'ready') console.log(new Date().toISOString(), message.text)
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}
const say = (text: string) => report({ kind: 'progress', text })

async function startAll(): Promise<void> {
  const settings = await readSettings(dir, values['free-ports'])
  const left = claimRecord(dir, record)
  claimed = true
  if (left)
    for (const name of await stopRecorded(left)) say(`stopped ${name}, left over from a stack whose supervisor died`)
  writeRecord(dir, record)
  const findTaken = () => findTakenPort(settings.ports, values['external-servers'] ? serverPorts : [])
  let taken = await findTaken()
  // A process with many threads is gone a moment before its ports are free.
  for (let tries = 0; left && taken && tries < 50; tries++) {
    await delay(100)
    taken = await findTaken()
  }
  if (taken)
    throw new Error(`port ${taken.port} is taken by another program: choose another one with ${taken.setting}.`)
  const servers = values['external-servers']
    ? []
    : serverPrograms(settings, await fetchJavaServers(settings.cache, say))

  const stackEnv = () => describeStack(settings, pids)
  const onChange: Supervision['onChange'] = (name, { identity, healthy }) => {
    const last = identity ?? record.processes[name]?.identity
    if (last) record.processes[name] = { identity: last, healthy }
    writeRecord(dir, record)
    if (identity === null || pids[name] === identity.pid) return
    pids[name] = identity.pid
    writeStackEnv(dir, stackEnv())
  }
  const start = async (what: string, group: Supervised[], programs: Program[]) => {
    stopping.signal.throwIfAborted()
    for (const { name } of programs) rmSync(downFile(dir, name), { force: true })
    const supervision = (name: string) => ({ logDir: join(dir, 'log'), downFile: downFile(dir, name), onChange, say })
    group.push(...programs.map((program) => supervise(program, supervision(program.name))))
    await waitForAll(what, group, say)
  }

  await start('servers', groups.servers, [...servers, ...standInPrograms(settings)])
  await createDatabase(settings)
  for (const step of split(values.setup) as SetupStep[]) {
    stopping.signal.throwIfAborted()
    say(setupSteps[step].what)
    await setupSteps[step].run(settings, stackEnv())
  }
  const services = split(values.services) as ProgramName[]
  const programs = services.map((name) => serviceProgram(name, settings, stackEnv()))
  if (programs.length > 0) await start('services', groups.services, programs)
}

/** Services stop first: they finish their work while the servers still answer. */
async function stopAll(): Promise<void> {
  for (const group of [groups.services, groups.servers]) await Promise.all(group.map((process) => process.stop(15_000)))
  if (!claimed) return
  removeRecord(dir)
  rmSync(stackEnvFile(dir), { force: true })
  if (values.temporary) removeStackData(dir)
}

const stopped = once(stopping.signal, 'abort')
try {
  await Promise.race([startAll(), stopped.then(() => stopping.signal.throwIfAborted())])
  record.started = true
  writeRecord(dir, record)
  report({ kind: 'ready' })
  if (!values['with-parent']) {
    process.off('disconnect', stop)
    if (process.connected) process.disconnect()
  }
  await stopped
} catch (error) {
  report({ kind: 'failed', text: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}
await stopAll()
process.exit()
