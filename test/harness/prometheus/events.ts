import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { topics } from '#schemas/topics.ts'
import { onCleanup } from '../cleanup.ts'
import { expelMembers } from '../group.ts'
import { takeDown } from '../outage.ts'
import { waitFor } from '../wait-for.ts'
import type { WatchedSystem } from './watched-system.ts'

/** Ends what an event began. */
export type Heal = () => Promise<unknown> | void

const groups = ['raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler']

/** So many records to each of these topics that nobody can read, about one company. */
export async function sendGarbage(
  { topics: own, companies }: WatchedSystem,
  names: readonly string[],
  count: number,
): Promise<void> {
  const key = String(companies[0]?.id)
  const records = Array.from({ length: count }, () => ({ key, value: 'nobody can read this' }))
  for (const name of names) await own.produce(name, records)
}

/** A payload about a company that does not exist, and two that the edge refuses. */
export async function sendRefused({ post }: WatchedSystem): Promise<void> {
  await post('/feed-raw-data', { source_name: 'panels' })
  await post('/feed-raw-data', {}, 'Bearer nobody')
  await post('/feed-raw-data', {
    source_name: 'panels',
    company_id: '999999',
    raw_data: { phase: String(Math.random()) },
  })
}

/**
 * Has no forecast be made. Then locks the ledgers of these services, the last on the path of a payload first, and waits each
 * time until records are held up there.
 */
async function holdUp({ database, prometheus }: WatchedSystem, services: readonly string[]): Promise<Heal> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onCleanup(() => client.end())
  await client.query('BEGIN')
  await client.query('LOCK TABLE analyzer.forecast IN EXCLUSIVE MODE')
  for (const service of services) {
    const from = Date.now() / 1000
    // Readers go on.
    await client.query(`LOCK TABLE ${service}.processed_event IN EXCLUSIVE MODE`)
    const lag = `sum(parma_consumer_lag_records{service="${service}"}) > 0`
    const isHeld = async () => (await prometheus.queryRange(lag, from)).some(({ points }) => points.length > 3)
    // Of the scheduler it is the end of a run, which comes every minute by now.
    await waitFor(`${service} to be held up`, isHeld, 90_000, 500)
  }
  return () => client.query('ROLLBACK')
}

/** Repeats `work` until the event ends. */
export function repeat(work: () => Promise<unknown>, everyMs: number): Heal {
  const over = new AbortController()
  const run = async () => {
    while (!over.signal.aborted) {
      await work().catch(() => undefined)
      await delay(everyMs, undefined, { signal: over.signal }).catch(() => undefined)
    }
  }
  const done = run()
  const stop = () => (over.abort(), done)
  onCleanup(stop)
  return stop
}

/** Resolves when a question to Prometheus has an answer. */
async function waitUntil({ prometheus }: WatchedSystem, condition: string, deadlineMs = 120_000): Promise<void> {
  const isTrue = async () =>
    (await prometheus.queryRange(condition, Date.now() / 1000)).some(({ points: [one] }) => one)
  await waitFor(condition, isTrue, deadlineMs, 500)
}

const lastSuccess = 'max(parma_source_last_ok_timestamp_seconds)'

/** The first run of the source comes by itself. It is over, long enough ago that another one shows. */
const firstRunIsOver = `${lastSuccess} > 0 and on () sum(rate(parma_scheduler_attempts_total[8s])) == 0`

async function runSource({ parma }: WatchedSystem): Promise<void> {
  // Not while another run of it is under way.
  await waitFor('a run', () => parma('schedule', 'run', 'panels'), 60_000, 1000)
}

/** Runs that were held up have failed. After one that has not, all that is exported of the source is well again. */
async function runWell(system: WatchedSystem): Promise<void> {
  const from = Date.now() / 1000
  await runSource(system)
  const isWell = 'min(parma_source_up) == 1 and on () max(parma_open_incidents{kind="source-down"}) == 0'
  await waitUntil(system, `${lastSuccess} > ${from} and on () ${isWell}`)
}

/** Has a person get a digest of today, which is due. */
export async function askForDigest({ parma, database, channel: person }: WatchedSystem): Promise<void> {
  await parma('digests', 'set', '--person', person, '--rhythm', 'daily', '--hour', '0', '--zone', 'UTC')
  await database.query(`UPDATE notifier.digest_policy SET changed_at = now() - interval '1 year'`)
  await database.query(`UPDATE notifier.digest_start SET since = now() - interval '1 year'`)
}

export async function hideRefusals({ database }: WatchedSystem): Promise<Heal> {
  const rename = (from: string, to: string) => database.query(`ALTER VIEW normalizer.${from} RENAME TO ${to}`)
  await rename('refusal_view', 'gone_view')
  return () => rename('gone_view', 'refusal_view')
}

/** The events that panels show, in the order in which they are caused. */
export const events: Record<string, (system: WatchedSystem) => Promise<Heal | void>> = {
  traffic: (system) => waitUntil(system, firstRunIsOver),
  async history({ feed, factsOf, companies }) {
    const [company, day] = [companies.length - 1, 86_400_000]
    for (const [n, days] of [30, 20].entries())
      await feed(company, factsOf(company, n), { observed_at: new Date(Date.now() - days * day).toISOString() })
  },
  async run(system) {
    system.setCrawl(() => delay(8000))
    await runSource(system)
    return () => system.setCrawl(() => Promise.resolve())
  },
  async stale({ parma, database }) {
    await database.query('UPDATE data_source SET max_run_seconds = 5')
    await parma('schedule', 'set', 'panels', '--cron', '* * * * *')
  },
  // The first of a kind begins a series, which shows no growth.
  refusal: (system) => Promise.resolve(repeat(() => sendRefused(system), 1000)),
  deadLetters: (system) =>
    sendGarbage(system, [topics.rawPayloads.name, topics.observations.name, topics.news.name], 3),
  lettersDropped: async ({ parma }) => void (await parma('dlq', 'drop', '--all', '--yes')),
  async mailPutOff({ setMail }) {
    setMail('put-off')
  },
  async mailHangs({ setMail }) {
    setMail('hang')
  },
  async parked({ setMail }) {
    setMail('refuse')
  },
  async unparked({ setMail, parma }) {
    setMail('accept')
    await parma('channels', 'unpark', '--all')
  },
  digest: askForDigest,
  async rebalance({ topics: own }) {
    for (const group of groups) await expelMembers(own.prefix + group)
  },
  async held(system) {
    system.firestoreLink.set('down')
    const release = await holdUp(system, ['notifier', 'analyzer', 'normalizer', 'scheduler'])
    return async () => {
      system.firestoreLink.set('calm')
      await release()
      await runWell(system)
    }
  },
  async suspect({ companies, feed, factsOf }) {
    const zeros = companies.map((_, company) => feed(company, { ...factsOf(company, 0), stars: 0, issues: 0 }))
    await Promise.all(zeros)
  },
  async sourceDown(system) {
    system.setCrawl(() => Promise.reject(new Error('the module fails')))
    await runSource(system)
  },
  unreadable: hideRefusals,
  brake: (system) => sendGarbage(system, [topics.observations.name], 25),
  async stopped({ services }) {
    await services.scheduler.stop()
  },
  kafkaAway: () => Promise.resolve(takeDown('kafka')),
}
