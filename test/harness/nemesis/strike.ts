import { setTimeout as delay } from 'node:timers/promises'
import { topics } from '#schemas/topics.ts'
import type { ServiceName } from '../../../deploy/local/config.ts'
import { sendSignal } from '../../../deploy/local/process-identity.ts'
import { deleteRecords, readOldestCommit } from '../group.ts'
import { fillDisk, freeze, type Server, takeDown } from '../outage.ts'
import type { Weather } from '../proxy.ts'
import { superviseService } from '../supervised.ts'
import { waitFor } from '../wait-for.ts'
import type { Fault, KindName } from './plan.ts'
import { allServices, type World } from './world.ts'
import { wrongGroups } from './wrong-consumers.ts'

type Heal = () => Promise<void> | void

const clockStepSeconds = 600
const restartPatienceMs = 15_000
const deletePatienceMs = 60_000
/** The servers that a replica needs may be away when it starts. */
const replicaPatienceMs = 150_000

const strikes: Record<KindName, (world: World, target: string, over: AbortSignal) => Heal | Promise<Heal>> = {
  'connection cut': (world, target) => change(world, target, 'down'),
  'connection half open': (world, target) => change(world, target, 'still'),
  'connection slow': (world, target) => change(world, target, { delayMs: 300 }),
  'answers lost': (world, target) => change(world, target, 'answerless'),
  'process killed': (world, target) => end(world, target, 'SIGKILL'),
  'process stopped': (world, target) => end(world, target, 'SIGTERM'),
  'process frozen'({ services }, target) {
    const pid = services[target as ServiceName].pid()
    if (pid > 0) sendSignal(pid, 'SIGSTOP')
    return () => void (pid > 0 && sendSignal(pid, 'SIGCONT'))
  },
  'clock ahead': (world) => step(world, clockStepSeconds),
  'clock behind': (world) => step(world, -clockStepSeconds),
  'three replicas'(world, target) {
    const name = target as ServiceName
    const start = () => superviseService(name, world.envOf(name), undefined, replicaPatienceMs)
    const started = Promise.all([start(), start()])
    started.catch(() => undefined)
    return async () => void (await Promise.all((await started).map((replica) => replica.stop())))
  },
  async 'rolling restart'({ services }, _, over) {
    for (const name of allServices) {
      if (over.aborted) break
      const old = services[name].end('SIGTERM')
      const isBack = () => services[name].pid() !== old && services[name].isReady()
      await waitFor(`${name} to be back`, isBack, restartPatienceMs).catch(() => undefined)
    }
    return () => undefined
  },
  async 'records deleted'({ topics: own }) {
    const topic = own.prefix + topics.rawPayloads.name
    const groups = topics.rawPayloads.consumers.map((service) => own.prefix + service)
    groups.push(...wrongGroups(own.prefix))
    // Kafka may be away at the moment.
    const remove = async () => {
      for (const [partition, offset] of await readOldestCommit(groups, topic))
        await deleteRecords(topic, partition, offset)
      return true
    }
    await waitFor('records to be deleted', remove, deletePatienceMs, 500)
    return () => undefined
  },
  'server killed': (_, target) => takeDown(target as Server),
  'server frozen': (_, target) => freeze(target as Server),
  'disk full': (_, target) => fillDisk(target as Server),
}

/** Does what the fault says, for as long as it says or until `over`, and undoes it. */
export async function strike(world: World, { kind, target, forMs }: Fault, over: AbortSignal): Promise<void> {
  const heal = await strikes[kind](world, target, over)
  await delay(forMs, undefined, { signal: over }).catch(() => undefined)
  await heal()
}

function change({ links }: World, target: string, weather: Weather): Heal {
  const [who = '', server] = target.split(' to ')
  const hit = [...links].filter(([name]) => name === target || (who === 'everybody' && name.endsWith(` to ${server}`)))
  hit.forEach(([, proxy]) => proxy.set(weather))
  return () => hit.forEach(([, proxy]) => proxy.set('calm'))
}

function end({ services }: World, target: string, signal: NodeJS.Signals): Heal {
  services[target as ServiceName].end(signal)
  return () => undefined
}

function step(world: World, seconds: number): Heal {
  world.setClock(seconds)
  return () => world.setClock(0)
}
