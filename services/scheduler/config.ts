import {
  consumerSettings,
  count,
  type Env,
  flag,
  kafkaSettings,
  ledgerSettings,
  moduleSettings,
  postgresSettings,
  producerSettings,
  readEnv,
  serviceSettings,
  tokenSettings,
} from '#runtime/process/config.ts'

/** What planning needs, in the service and in its commands. */
const planSettings = {
  FIRST_RUN_QUIET_SECONDS: count(10, 0).describe(
    'Seconds for which a new source and its measurements must not have changed before its first run: until then its handshake may still be running.',
  ),
  FIRST_RUN_UNMAPPED_SECONDS: count(30, 0).describe(
    'The same for a source without measurements, in seconds. Its handshake has not happened yet, so its payloads could not be understood.',
  ),
}

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...producerSettings,
  ...consumerSettings,
  ...postgresSettings,
  ...ledgerSettings,
  ...tokenSettings,
  ...moduleSettings,

  TICK_SECONDS: count(15).describe(
    'Seconds between two rounds of the scheduler. A trigger only starts a round earlier.',
  ),
  ...planSettings,
  ONLY_ACTIVE_LINKS: flag(false).describe(
    'Crawl only companies whose link to the source is marked active. parma-web creates links that are not marked, so by default all links count.',
  ),
  MAX_ATTEMPTS: count(3).describe(
    'Attempts at a task before it is FAILED. `npx parma schedule set --attempts` overrides it for a source.',
  ),
  RETRY_BACKOFF_SECONDS: count(60).describe(
    'Seconds before the second attempt at a task, doubled before each further one. `npx parma schedule set --backoff` overrides it for a source.',
  ),
  MODULE_RUNS_AT_ONCE: count(4).describe('Runs of one module at once, over all its sources and all replicas.'),
  BREAKER_FAILURES: count(5).describe(
    'Failed attempts in a row that open a module’s circuit breaker. When its time has passed, one trial run at a time starts.',
  ),
  SETTLE_SECONDS: count(10, 0).describe(
    'Seconds after a run’s finish record until its outcome is final. Topics are not ordered with each other, so its last payloads may be counted later.',
  ),
  LOST_CALL_GRACE_SECONDS: count(60, 0).describe(
    'Seconds without a payload after which a run ends whose call to the module broke off. While payloads arrive, it goes on.',
  ),
  DOWN_AFTER_RUNS: count(3).describe('Failed runs in a row after which a source, or a company at a source, is DOWN.'),
  STALE_GRACE_SECONDS: count(3600, 0).describe(
    'A source is stale when a planned run should have ended this many seconds ago and no value has arrived since its slot.',
  ),

  DISCOVER_TIMEOUT_SECONDS: count(120).describe('Seconds that one discovery call may take.'),
  DISCOVERY_FAILED_SECONDS: count(60, 0).describe(
    'Seconds before a company is looked up again whose discovery failed, doubled each time.',
  ),
  MAX_ANSWER_BYTES: count(1024 * 1024).describe('Bytes of the largest answer that is accepted from a module.'),
}

/** The settings that `parma schedule` needs to show what the service will plan. */
export const readPlanConfig = (env: Env = process.env) => readEnv(planSettings, env)
export const readConfig = (env: Env = process.env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
