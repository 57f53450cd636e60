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
  /** Starts a service, with `env` over the installation's own. The same name again is one more replica. */
  start(name: string, env?: NodeJS.ProcessEnv): Promise<StartedService>
  /** Runs a `parma` command and returns what it printed. */
  parma(...args: string[]): Promise<string>
}

/**
 * The whole system for one test, on the shared servers and apart from everybody else: a database, topics, registered
 * schemas and a Firestore project of its own, no service yet. All of it is gone when the test is over; made in
 * `beforeAll`, when the file is. Mails and Slack posts are shared (mailbox.ts).
 *
 *     const { topics, database, start } = await createInstallation()
 *     await start('normalizer')
 *     await topics.produce('mining.raw-payloads.v1', [{ key: '1', value }])
 *     await waitFor('one value', async () => (await database.query('SELECT FROM normalizer.value')).length === 1)
 */
export async function createInstallation(): Promise<Installation> {
  const [database, topics] = await Promise.all([createDatabase(), createTopics()])
  const firestore = openFirestore()
  const env: NodeJS.ProcessEnv = {
    ...testEnv(),
    DATABASE_URL: database.url,
    TOPIC_PREFIX: topics.prefix,
    FIRESTORE_PROJECT: firestore.project,
    // Only tests of it want a weekly report, on whatever day and hour they run.
    WEEKLY_REPORT_CLOCK: 'false',
  }
  return {
    database,
    topics,
    firestore,
    env,
    start: (name, own = {}) => startService(name, { ...env, ...own }),
    parma: (...args) => runParma(env, ...args),
  }
}
