import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { topics } from '#schemas/topics.ts'
import { sendSignal } from '../../../deploy/local/process-identity.ts'
import { onCleanup } from '../cleanup.ts'
import { deleteRecords, readOldestCommit } from '../group.ts'
import { takeDown } from '../outage.ts'
import { waitFor } from '../wait-for.ts'
import { askForDigest, type Heal, hideRefusals, repeat, sendGarbage, sendRefused } from './events.ts'
import type { WatchedSystem } from './watched-system.ts'

type Fault = {
  /** Those that fire while it lasts. */
  alerts: string[]
  /** Those that fire when it has ended. */
  afterwards?: string[]
  cause(system: WatchedSystem): Promise<Heal | void>
}

/** Messages are late that come after a minute, and many are after two. */
const mailAwayMs = 120_000

/** Each alert of the chart with a fault that makes it fire, and whose end resolves it. */
export const faults: Record<string, Fault> = {
  'a service that hangs': {
    alerts: ['ParmaServiceDown'],
    cause: ({ services }) => Promise.resolve(freezeService(services.analyzer.pid())),
  },
  'a service without any process': {
    alerts: ['ParmaNobodyReads'],
    async cause({ services: { scheduler }, prometheus }) {
      const wake = await scheduler.rest()
      prometheus.removePod('scheduler-1')
      return async () => {
        await wake()
        prometheus.addPod('scheduler', 'scheduler-1', scheduler.healthUrl)
      }
    },
  },
  'figures that cannot be read': { alerts: ['ParmaFiguresUnknown'], cause: hideRefusals },
  'records that nobody can read': {
    alerts: ['ParmaDeadLetters'],
    cause: (system) => sendGarbage(system, [topics.news.name], 3),
  },
  'payloads about a company that does not exist': {
    alerts: ['ParmaPayloadsRefused'],
    cause: (system) => Promise.resolve(repeat(() => sendRefused(system), 500)),
  },
  'digests that cannot be written': { alerts: ['ParmaDigestsFailed'], cause: refuseDigests },
  'a table that somebody locks': { alerts: ['ParmaLag', 'ParmaRetries'], cause: lockLedger },
  'records that are deleted unread': { alerts: ['ParmaRecordsLost', 'ParmaNotReady'], cause: deleteUnread },
  'a mail server that puts off': {
    alerts: ['ParmaMessagesNotSent'],
    afterwards: ['ParmaMessagesLate'],
    cause: putMailOff,
  },
  'no broker': {
    alerts: ['ParmaEdgeReachesNoBroker', 'ParmaEdgeErrors', 'ParmaFeedBudget'],
    cause: () => Promise.resolve(takeDown('kafka')),
  },
}

function freezeService(pid: number): Heal {
  const thaw = () => void sendSignal(pid, 'SIGCONT')
  onCleanup(thaw)
  sendSignal(pid, 'SIGSTOP')
  return thaw
}

async function refuseDigests(system: WatchedSystem): Promise<Heal> {
  const { database } = system
  await database.query(`
    CREATE FUNCTION notifier.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN RAISE check_violation USING MESSAGE = 'this row is refused'; END $$`)
  await database.query(`
    CREATE TRIGGER refuse BEFORE INSERT ON notifier.digest FOR EACH ROW WHEN (NEW.state <> 'failed')
    EXECUTE FUNCTION notifier.refuse()`)
  await askForDigest(system)
  return () => database.query('DROP TRIGGER refuse ON notifier.digest')
}

/** The end of a run that is held up says that it has been there for half an hour. No other comes to its topic here. */
async function lockLedger({ database, topics: own }: WatchedSystem): Promise<Heal> {
  const finish = await waitFor('the end of the first run', async () => (await own.read(topics.crawlFinished.name))[0])
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onCleanup(() => client.end())
  await client.query('BEGIN')
  await client.query('LOCK TABLE scheduler.processed_event IN EXCLUSIVE MODE')
  const { key, value, headers, partition } = finish
  const timestamp = String(Date.now() - 30 * 60_000)
  await own.produce(topics.crawlFinished.name, [{ key, value, headers, partition, timestamp }])
  return () => client.query('ROLLBACK')
}

async function deleteUnread({ services, topics: own, parma }: WatchedSystem): Promise<Heal> {
  const topic = own.prefix + topics.rawPayloads.name
  const commits = (service: string) => readOldestCommit([own.prefix + service], topic)
  const thaw = freezeService(services['raw-sink'].pid())
  const before = await commits('raw-sink')
  const unread = await waitFor('records that raw-sink has not read', async () => {
    const read = await readOldestCommit([own.prefix + 'normalizer', own.prefix + 'scheduler'], topic)
    const ahead = [...read].filter(([partition, offset]) => offset > (before.get(partition) ?? 0))
    if (ahead.length < 2) throw new Error(JSON.stringify({ before: [...before], read: [...read] }))
    return ahead
  })
  for (const [partition, offset] of unread) await deleteRecords(topic, partition, offset)
  await thaw()
  return () => parma('groups', 'accept-loss', '--service', 'raw-sink')
}

async function putMailOff({ setMail, database }: WatchedSystem): Promise<Heal> {
  // Posts, which are in time, would outweigh the mails.
  await database.query(`
    DELETE FROM notification_subscription s USING notification_channel c
    WHERE s.channel_id = c.id AND c.channel_type = 'SLACK'`)
  setMail('put-off')
  const over = delay(mailAwayMs)
  return async () => {
    await over
    setMail('accept')
  }
}
