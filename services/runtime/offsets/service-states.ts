import type { Admin } from 'kafkajs'
import { allTopics, type Consumer } from '#schemas/topics.ts'
import { createKafka, prefixed } from '../kafka/client.ts'
import type { Log } from '../process/log.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { minuteMs } from '../text/time.ts'
import { readPosition } from './find-loss.ts'
import { readCommitted, readExtents } from './group-offsets.ts'

/** What holds up a partition, or has killed a process there. */
export type Trouble = { topic: string; partition: number; kind: 'paused' | 'stuck' | 'died' | 'lost'; count: number }

/** How far a service has read its topics. */
export type ServiceState = {
  service: Consumer
  /** Processes in its group. */
  members: number
  /** Records that it has not committed yet, and those of the topic that has most. */
  lag: number
  mostIn: string | null
  /** The oldest of them has waited for at least so long (ms); null: there are none, or they are younger than a second. */
  waitingMs: number | null
  troubles: Trouble[]
}

/** Ages at which the oldest unread record is looked for: one question to the broker each. */
const ages = [1000, 10_000, minuteMs, 5 * minuteMs, 15 * minuteMs, 60 * minuteMs, 360 * minuteMs, 1440 * minuteMs]

const consumers = [...new Set(allTopics.flatMap((topic) => topic.consumers))]

/** How far each service has read what it consumes. Rejects when no broker answers. */
async function readServiceStates(admin: Admin, settings: KafkaSettings, now: number): Promise<ServiceState[]> {
  const nameOf = (topic: string) => prefixed(settings, topic)
  const read = allTopics.filter((topic) => topic.consumers.length > 0)
  const [extents, groups] = await Promise.all([
    Promise.all(read.map(async ({ name }) => [name, await readExtents(admin, nameOf(name))] as const)),
    admin.describeGroups(consumers.map((service) => prefixed(settings, service))),
  ])
  const ends = new Map(extents)
  const membersOf = new Map(groups.groups.map(({ groupId, members }) => [groupId, members.length]))
  return Promise.all(
    consumers.map(async (service): Promise<ServiceState> => {
      const own = read.filter((topic) => topic.consumers.includes(service)).map(({ name }) => name)
      const committed = await readCommitted(admin, prefixed(settings, service), own.map(nameOf))
      const topicOf = new Map(own.map((topic) => [nameOf(topic), topic]))
      const rows = committed.map(({ topic, partition, offset, metadata }) => {
        const { low = 0, high = 0 } = ends.get(topicOf.get(topic)!)?.get(partition) ?? {}
        const from = Math.max(offset, low)
        return {
          topic: topicOf.get(topic)!,
          partition,
          from,
          lag: Math.max(0, high - from),
          ...readPosition(offset, metadata),
        }
      })
      const lagOf = (topic: string) => rows.filter((row) => row.topic === topic).reduce((sum, { lag }) => sum + lag, 0)
      const behind = own.filter((topic) => lagOf(topic) > 0).toSorted((a, b) => lagOf(b) - lagOf(a))
      const waits = await Promise.all(
        behind.map((topic) =>
          waitOf(
            admin,
            nameOf(topic),
            rows.filter((row) => row.topic === topic && row.lag > 0),
            now,
          ),
        ),
      )
      return {
        ...{ service, members: membersOf.get(prefixed(settings, service)) ?? 0, mostIn: behind[0] ?? null },
        lag: rows.reduce((sum, { lag }) => sum + lag, 0),
        waitingMs: waits.reduce<number | null>(
          (most, wait) => (wait === null ? most : Math.max(most ?? 0, wait)),
          null,
        ),
        troubles: rows.flatMap(({ topic, partition, note, losses }) => [
          ...(note.incident ? [{ topic, partition, kind: kinds[note.incident], count: note.deadInARow }] : []),
          ...(note.deaths > 0 ? [{ topic, partition, kind: 'died' as const, count: note.deaths }] : []),
          ...(losses.length > 0 ? [{ topic, partition, kind: 'lost' as const, count: losses.length }] : []),
        ]),
      }
    }),
  )
}

const kinds = { 'partition-paused': 'paused', 'partition-stuck': 'stuck' } as const

type Behind = { partition: number; from: number }

/** For how long the oldest of the first unread records has waited at least. */
async function waitOf(admin: Admin, topic: string, behind: readonly Behind[], now: number): Promise<number | null> {
  const found = await Promise.all(
    ages.map(async (age) => {
      const firstNewer = new Map(
        (await admin.fetchTopicOffsetsByTimestamp(topic, now - age)).map(({ partition, offset }) => [
          partition,
          Number(offset),
        ]),
      )
      // The record at `from` is older than that time where the first newer one comes after it, or there is none.
      return behind.some(({ partition, from }) => {
        const newer = firstNewer.get(partition)
        return newer === undefined || newer < 0 || newer > from
      })
        ? age
        : null
    }),
  )
  return found.reduce<number | null>((most, age) => age ?? most, null)
}

/** Reads the states of services over a connection that is kept until the broker does not answer. Who asks meanwhile shares it. */
export function openServiceStates(
  settings: KafkaSettings,
  clientId: string,
  log: Log,
): AsyncDisposable & { read(): Promise<ServiceState[]> } {
  let admin: Admin | null = null
  const leave = async () => {
    const left = admin
    admin = null
    await left?.disconnect().catch(() => undefined)
  }
  async function read(): Promise<ServiceState[]> {
    try {
      if (admin === null) {
        const opened = createKafka(settings, clientId, log.child({}, { level: 'silent' }), {
          retry: { retries: 1 },
        }).admin()
        await opened.connect()
        admin = opened
      }
      return await readServiceStates(admin, settings, Date.now())
    } catch (error) {
      await leave()
      throw error
    }
  }
  let running: Promise<ServiceState[]> | null = null
  return {
    read: () => (running ??= read().finally(() => (running = null))),
    [Symbol.asyncDispose]: leave,
  }
}
