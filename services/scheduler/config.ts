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
    'A new source runs for the first time when it and its measurements have not changed for this long: until then its handshake may be under way.',
  ),
  FIRST_RUN_UNMAPPED_SECONDS: count(30, 0).describe(
    'The same for a source without any measurement: its handshake has not happened, so nothing it feeds could be understood.',
  ),
  LATE_START_SECONDS: count(300, 0).describe(
    'A source that catches nothing up gives a slot up that could not start for this long.',
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

  TICK_SECONDS: count(15).describe('How often the scheduler looks for work by itself; triggers only wake it earlier.'),
  ...planSettings,
  ONLY_ACTIVE_LINKS: flag(false).describe(
    'Crawl only companies whose link to the source is marked active. parma-web links sources with the mark off, so by default a link counts whatever its mark.',
  ),
  RUNS_AT_ONCE: count(1000).describe(
    'Runs that one process has under way at once; due tasks above wait, or go to other replicas.',
  ),
  MAX_ATTEMPTS: count(3).describe(
    'How often a task is tried before it is FAILED, where its source’s policy says nothing else.',
  ),
  RETRY_BACKOFF_SECONDS: count(60).describe('Wait before the second attempt of a task; doubled for each further one.'),
  MODULE_RUNS_AT_ONCE: count(4).describe(
    'Runs that one module has under way at once, of all its sources and all replicas.',
  ),
  BREAKER_FAILURES: count(5).describe(
    'A module of which this many attempts in a row failed is left in peace for a while; then one run is tried at a time.',
  ),
  BREAKER_SECONDS: count(300).describe('How long it is left in peace; doubled each time its trial fails.'),
  BREAKER_MAX_SECONDS: count(3600).describe('The longest time that a module is left in peace.'),
  SETTLE_SECONDS: count(10, 0).describe(
    'How long after a finish record the outcome of a run is final: topics are not ordered with each other, so what was fed may be counted later.',
  ),
  LOST_CALL_GRACE_SECONDS: count(60, 0).describe(
    'A run whose call to the module was lost is given up when nothing was fed for this long; while feeds arrive it goes on.',
  ),
  DOWN_AFTER_RUNS: count(3).describe(
    'A source is DOWN after this many failed runs in a row, and so is a company at a source.',
  ),
  STALE_GRACE_SECONDS: count(3600, 0).describe(
    'A source is stale when a run by its plan could have been over for this long and no value came.',
  ),
  STALE_CHECK_SECONDS: count(60).describe('How often silent sources are looked for.'),
  TOKEN_MARGIN_SECONDS: count(1800).describe('How long a token outlives all attempts of its task.'),

  DISCOVERIES_AT_ONCE: count(4).describe('Discovery calls to one module at once.'),
  DISCOVER_TIMEOUT_SECONDS: count(120).describe('Deadline of one discovery call.'),
  DISCOVERY_EMPTY_SECONDS: count(86_400, 0).describe(
    'A company for which discovery found nothing is not asked for again for this long; doubled each time.',
  ),
  DISCOVERY_FAILED_SECONDS: count(60, 0).describe(
    'A company whose discovery failed is not asked for again for this long; doubled each time.',
  ),
  DISCOVERY_MAX_SECONDS: count(604_800).describe('The longest wait between two discoveries of a company.'),
  DISCOVERY_VALIDITY_DAYS: count(180).describe('How long discovered identifiers hold when the module does not say.'),
  MAX_ANSWER_BYTES: count(1024 * 1024).describe('The largest answer of a module that is read.'),
}

export const readPlanConfig = (env: Env = process.env) => readEnv(planSettings, env)
export const readConfig = (env: Env = process.env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
