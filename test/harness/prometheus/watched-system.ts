import { setTimeout as delay } from 'node:timers/promises'
import { onCleanup } from '../cleanup.ts'
import { startMailServer, type MailFate } from '../mail-server.ts'
import { type Crawl, type ModuleMap, postJson } from '../module.ts'
import { phaseOf } from '../nemesis/load.ts'
import { plain, type Proxy, startProxy } from '../proxy.ts'
import { asRole } from '../roles.ts'
import { startSystem, type System } from '../system.ts'
import { type Prometheus, startPrometheus } from './server.ts'

export type WatchedSystem = System & {
  prometheus: Prometheus
  /** Between raw-sink and Firestore. */
  firestoreLink: Proxy
  /** What becomes of mails from now on. */
  setMail(fate: MailFate): void
  /** What the module does when it is called. */
  setCrawl(crawl: Crawl): void
  /** What the module says about a company: more with each `n`. */
  factsOf(company: number, n: number): Record<string, unknown>
  /** Posts to a path of the edge with the token of the source. */
  post(path: string, body: unknown, authorization?: string): Promise<number>
}

const map: ModuleMap = {
  Source: 'panels',
  Mappings: [
    { SourceField: 'phase', DataType: 'text', MeasurementName: 'phase' },
    { SourceField: 'stars', DataType: 'int', MeasurementName: 'stars' },
    { SourceField: 'issues', DataType: 'int', MeasurementName: 'issues' },
    { SourceField: 'founders', DataType: 'int', MeasurementName: 'founders' },
    { SourceField: 'motto', DataType: 'text', MeasurementName: 'motto' },
  ],
}

/** What makes each fault and its end quick to see. */
const quick: NodeJS.ProcessEnv = {
  ...{ SESSION_TIMEOUT_MS: '6000', DATABASE_LOCK_TIMEOUT_MS: '1000', FEED_DEADLINE_MS: '4000' },
  ...{ MAX_DEAD_LETTERS_IN_A_ROW: '20', SLACK_INTERVAL_MS: '0', SEND_TIMEOUT_MS: '5000', LEASE_MS: '8000' },
  ...{ RETRY_FIRST_MS: '500', RETRY_MAX_MS: '2000', DIGEST_POLL_MS: '500', SUSPECT_WINDOW_SECONDS: '10' },
  ...{ TICK_SECONDS: '2', MAX_ATTEMPTS: '1', DOWN_AFTER_RUNS: '1', SETTLE_SECONDS: '1', STALE_GRACE_SECONDS: '1' },
  LOST_CALL_GRACE_SECONDS: '2',
}

/** The whole system under the eyes of a Prometheus, with a little traffic all the time. `rules`: of its alerts. */
export async function startWatchedSystem(companies: number, rules: string): Promise<WatchedSystem> {
  let mailFate: MailFate = 'accept'
  let crawl: Crawl = async () => undefined
  const links: { firestore?: Proxy } = {}
  const mail = await startMailServer(() => mailFate)
  const system = await startSystem({
    ...{ map, companies, crawl: (...args) => crawl(...args) },
    env: { ...quick, SMTP_URL: mail.url },
    async envOf(name, { env }) {
      const { DATABASE_URL } = asRole(name, env)
      if (name !== 'raw-sink') return { DATABASE_URL }
      links.firestore = await startProxy(env.FIRESTORE_EMULATOR_HOST ?? '', plain)
      return { DATABASE_URL, FIRESTORE_EMULATOR_HOST: links.firestore.address }
    },
  })
  const { firestore: firestoreLink } = links
  if (!firestoreLink) throw new Error('raw-sink was not started')
  // What a person's rule finds is always told.
  await system.parma('rules', 'add', '--name', 'each phase', '--measurement', 'phase', '--changed')
  const prometheus = await startPrometheus(rules)
  for (const [name, { healthUrl }] of Object.entries(system.services)) prometheus.addPod(name, `${name}-1`, healthUrl)
  const token = `Bearer ${(await system.parma('token', 'mint', '--source', map.Source)).trim()}`
  const watched: WatchedSystem = {
    ...{ ...system, prometheus, firestoreLink, factsOf },
    setMail: (fate) => void (mailFate = fate),
    setCrawl: (next) => void (crawl = next),
    post: async (path, body, authorization = token) =>
      (await postJson(`${system.edgeUrl}${path}`, authorization, body)).status,
  }
  keepFeeding(watched)
  return watched
}

/** `founders` is refused, `motto` is null, `office` is not in the map. */
function factsOf(company: number, n: number): Record<string, unknown> {
  const [stars, issues] = [137 * (company + 1) + n, 10 + company + (n % 3)]
  return { phase: phaseOf(n), stars, issues, founders: 'two', motto: null, office: 'Vienna' }
}

/** Each company but the last in turn has a new phase, by both routes, until the test is over. */
function keepFeeding(system: WatchedSystem): void {
  const over = new AbortController()
  const count = system.companies.length - 1
  const feed = async () => {
    for (let turn = 0; !over.signal.aborted; turn++) {
      const [company, n] = [turn % count, Math.floor(turn / count)]
      const facts = system.factsOf(company, n)
      const batch = [
        { company_id: String(system.companies[company]?.id), raw_data: { ...facts, phase: phaseOf(n + 1) } },
      ]
      // While a server is away, some are refused.
      await Promise.allSettled([system.feed(company, facts), system.post('/api/v1/payloads', batch)])
      await delay(1000, undefined, { signal: over.signal }).catch(() => undefined)
    }
  }
  const done = feed()
  onCleanup(async () => {
    over.abort()
    await done
  })
}
