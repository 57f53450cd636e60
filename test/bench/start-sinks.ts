import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Sinks } from './message-sinks.ts'

/** Bare sinks of messages: the local stand-ins take each mail apart, which takes longer than sending it. */
export async function startSinks(scope: AsyncDisposableStack): Promise<Sinks> {
  const child = fork(join(import.meta.dirname, 'message-sinks.ts'))
  scope.defer(() => void child.kill())
  const [sinks] = (await once(child, 'message')) as [Sinks]
  return sinks
}
