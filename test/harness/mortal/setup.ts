import { join } from 'node:path'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { findFreePort } from '../../../deploy/local/free-port.ts'
import { expelMembers } from '../group.ts'
import { startProcess, type StartedProcess } from '../process.ts'
import { testEnv } from '../stack.ts'
import { createTopics } from '../topics.ts'

export type Mortal = {
  /** Feeds an ops event per subject, in order in one partition. */
  feed(subjects: readonly string[]): Promise<void>
  /** Starts the consumer once more; it may die at any moment. */
  start(env?: NodeJS.ProcessEnv): Promise<StartedProcess>
  /** Has the group forget members that are dead. */
  expel(): Promise<void>
  /** Subjects and reasons of dead letters. */
  readDead(): Promise<[subject: string, reason: string | undefined][]>
}

/** Topics, and a consumer of one's own that can be killed (consumer.ts). */
export async function createMortal(): Promise<Mortal> {
  const own = await createTopics()
  const env: NodeJS.ProcessEnv = { ...testEnv(), TOPIC_PREFIX: own.prefix, SESSION_TIMEOUT_MS: '6000' }
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const name = topics.opsEvents.name
  return {
    async feed(subjects) {
      const records = subjects.map(async (subject) => {
        const text = { kind: 'test', service: 'test', message: 'm', subject, dedupe_key: subject, event_id: subject }
        const event = { ...text, data_source_id: null, resolved: false, at: 1, facts: {} }
        return { key: 'k', value: await codec.encode(topics.opsEvents, own.prefix + name, event) }
      })
      await own.produce(name, await Promise.all(records))
    },
    async start(more) {
      const ports = { HEALTH_PORT: String(await findFreePort()) }
      const file = join(import.meta.dirname, 'consumer.ts')
      return startProcess('consumer', [file], { ...env, ...ports, ...more }, () => true)
    },
    expel: () => expelMembers(`${own.prefix}notifier`),
    async readDead() {
      const letters = await own.read(`${name}.notifier.dlq`)
      const decoded = letters.map(async ({ value, headers }): Promise<[string, string | undefined]> => [
        (await codec.decode(topics.opsEvents, value)).subject,
        headers['__dlq.reason'],
      ])
      return Promise.all(decoded)
    },
  }
}
