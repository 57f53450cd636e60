import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { runParma } from '../../deploy/local/parma.ts'
import { type ModuleMap, startModule } from '../harness/module.ts'
import type { Load, LoadMessage } from './load.ts'
import type { Bench } from './measure.ts'

export type LoadEnd = Extract<LoadMessage, { kind: 'end' }>

/** A load that has begun: its warm-up is over. `end` rejects when it ends before it has said everything. */
export type RunningLoad = { end: Promise<LoadEnd>; stop(): Promise<void> }

/** Starts load.ts in a process of its own, and resolves when its warm-up is over. */
export async function startLoad(load: Load): Promise<RunningLoad> {
  const child = fork(join(import.meta.dirname, 'load.ts'), [JSON.stringify(load)])
  await nextMessage(child, 'begin')
  const end = nextMessage(child, 'end') as Promise<LoadEnd>
  // Whoever stops it does not wait for its end.
  end.catch(() => undefined)
  return {
    end,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill()
      await once(child, 'exit')
    },
  }
}

async function nextMessage(child: ChildProcess, kind: LoadMessage['kind']): Promise<LoadMessage> {
  const [message] = (await Promise.race([once(child, 'message'), failWith(child)])) as [LoadMessage]
  if (message.kind !== kind) throw new Error(`the load said ${message.kind}, not ${kind}`)
  return message
}

async function failWith(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null]
  throw new Error(`the load ended with ${code} before it had said everything`)
}

/** Adds a data source with a map of `fields` fields. Returns how long the handshake took, s. */
export async function shakeHands({ env, serviceEnv }: Bench, name: string, fields: number): Promise<number> {
  await using module = await startModule(() => env().EDGE_URL ?? '', mapOf(name, fields))
  const added = ['sources', 'add', '--name', name, '--endpoint', module.endpoint, '--frequency', 'monthly', '--json']
  const { id } = JSON.parse(await runParma(serviceEnv(), ...added)) as { id: number }
  const query = new URLSearchParams({ invocation_endpoint: module.endpoint, data_source_id: String(id) })
  const startedAt = performance.now()
  const { status } = await fetch(`${env().EDGE_URL}/handshake?${query}`)
  if (status !== 200) throw new Error(`a handshake was answered ${status}`)
  return (performance.now() - startedAt) / 1000
}

function mapOf(Source: string, fields: number): ModuleMap {
  const Mappings = Array.from({ length: fields }, (_, n) => ({
    ...{ SourceField: `field_${n}`, DataType: 'text', MeasurementName: `field ${n}` },
  }))
  return { Source, Mappings }
}

/** The `Authorization` header with which a module of this source feeds. */
export async function authorize({ serviceEnv }: Bench, source: string): Promise<string> {
  const minted = await runParma(serviceEnv(), 'token', 'mint', '--source', source, '--json')
  return `Bearer ${(JSON.parse(minted) as { token: string }).token}`
}
