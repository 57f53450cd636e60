import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { topics } from '#schemas/topics.ts'
import { expelMembers, readLag } from '../group.ts'
import type { Installation } from '../installation.ts'
import { superviseProgram } from '../supervised.ts'
import { waitFor } from '../wait-for.ts'
import { compare } from './compare.ts'

/** How each is wrong: after which word of its log a kill does harm, and what the comparison has to say of it. */
const ways = {
  'commits-first': { fatal: 'began', harm: / lost / },
  'no-ledger': { fatal: 'effect', harm: / doubled / },
}
type Way = keyof typeof ways

const words = ['started', 'began', 'effect', 'done']

/** The last thing that a wrong consumer said, whatever else stands in its log. */
export function lastWordIn(log: string): string | undefined {
  return log.split('\n').findLast((line) => words.includes(line))
}

/** The groups of both, which read the raw payloads. */
export const wrongGroups = (prefix: string) => Object.keys(ways).map((way) => prefix + way)

const killEveryMs = 7000

export type WrongConsumers = {
  /** Kills them in the middle of a batch every few seconds, until `over`, and each of them once at least. */
  torment(over: AbortSignal): Promise<void>
  /** Those in whose effects the comparison finds nothing wrong, once they have read everything. */
  listUncaught(acked: readonly string[]): Promise<string[]>
}

/** The consumers of wrong-consumer.ts, each in a group of its own on the raw payloads. */
export async function startWrongConsumers({ env, database, topics: own }: Installation): Promise<WrongConsumers> {
  await database.query('CREATE SCHEMA nemesis')
  await database.query('CREATE TABLE nemesis.effect (consumer text NOT NULL, event_id text NOT NULL)')
  const topic = own.prefix + topics.rawPayloads.name
  const start = async (way: Way) => {
    const group = `${own.prefix}${way}`
    const program = await superviseProgram({
      name: way,
      command: process.execPath,
      args: [join(import.meta.dirname, 'wrong-consumer.ts')],
      cwd: import.meta.dirname,
      env: { ...env, WRONG: way, GROUP: group, TOPIC: topic },
      isHealthy: () => Promise.resolve(true),
      stopSignal: 'SIGTERM',
    })
    return { way, group, program, at: () => lastWordIn(program.logs()) }
  }
  const consumers = await Promise.all((Object.keys(ways) as Way[]).map(start))

  const harmed = new Set<Way>()
  async function kill({ way, group, program, at }: (typeof consumers)[number]): Promise<void> {
    await waitFor(`the middle of a batch of ${way}`, () => at() === ways[way].fatal, 5000, 5)
    program.end('SIGKILL')
    harmed.add(way)
    await expelMembers(group)
  }
  return {
    async torment(over) {
      while (!over.aborted) {
        await delay(killEveryMs, undefined, { signal: over }).catch(() => undefined)
        // Neither can be had while Kafka is away.
        await Promise.all(consumers.map((one) => kill(one).catch(() => undefined)))
      }
      // Where a server was away all the time they did nothing that a kill could harm, until they catch up.
      const isHarmed = async () => {
        const whole = consumers.filter(({ way }) => !harmed.has(way))
        await Promise.all(whole.map((one) => kill(one).catch(() => undefined)))
        return harmed.size === consumers.length
      }
      await waitFor('a kill of each', isHarmed, 60_000).catch(() => undefined)
    },
    async listUncaught(acked) {
      const caught = consumers.map(async ({ way, group, at }) => {
        const isIdle = async () => (await readLag(group, topic)) === 0 && ['started', 'done'].includes(at() ?? '')
        await waitFor(`${way} to read everything`, isIdle, 120_000, 500)
        const rows = await database.query<{ event_id: string }>(
          'SELECT event_id FROM nemesis.effect WHERE consumer = $1',
          [way],
        )
        const seen = rows.map(({ event_id }) => event_id)
        return compare(way, acked, seen).some((problem) => ways[way].harm.test(problem)) ? [] : [way]
      })
      return (await Promise.all(caught)).flat()
    },
  }
}
