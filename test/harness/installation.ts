import { root } from '../../deploy/local/config.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { openFirestore, type TestFirestore } from './firestore.ts'
import { startService, type StartedService } from './service.ts'
import { testEnv } from './stack.ts'
import { createTopics, type TestTopics } from './topics.ts'

export type Installation = {
  database: TestDatabase
  topics: TestTopics
  firestore: TestFirestore
  /** The environment of its services and commands. */
  env: NodeJS.ProcessEnv
  /** Starts a service; `env` overrides the installation's. The same name again starts one more replica. `flags`: of Node. */
  start(name: string, env?: NodeJS.ProcessEnv, flags?: string[]): Promise<StartedService>
  /** Runs a `parma` command and returns what it printed. */
  parma(...args: string[]): Promise<string>
}

/**
 * The whole system for one test on the shared servers, apart from other tests: its own database, topics, registered
 * schemas and Firestore project, without services. It is removed when the test is over, or the file when made in
 * `beforeAll`. Mails and Slack posts are shared (mailbox.ts). Its topics are on the stack's broker, unless `makeTopics` has
 * made them elsewhere.
 *
 *     const { topics, database, start } = await createInstallation()
 *     await start('normalizer')
 *     await topics.produce('mining.raw-payloads.v1', [{ key: '1', value }])
 *     await waitFor('one value', async () => (await database.query('SELECT FROM normalizer.value')).length === 1)
 */
export async function createInstallation(makeTopics = createTopics): Promise<Installation> {
  const [database, topics] = await Promise.all([createDatabase(), makeTopics()])
  const firestore = openFirestore()
  const env: NodeJS.ProcessEnv = {
    ...testEnv(),
    DATABASE_URL: database.url,
    TOPIC_PREFIX: topics.prefix,
    FIRESTORE_PROJECT: firestore.project,
    // Only the tests of weekly reports want one, on whatever day and hour they run.
    WEEKLY_REPORT_CLOCK: 'false',
  }
  return {
    database,
    topics,
    firestore,
    env,
    start: (name, own = {}, flags = []) => startService(name, { ...env, ...own }, root, flags),
    parma: (...args) => runParma(env, ...args),
  }
}
