import { count, flag, readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import {
  ledgerSettings,
  moduleSettings,
  postgresSettings,
  tokenSettings,
  pipelineSettings,
} from '#runtime/process/settings.ts'

/** What planning needs, in the service and in its commands. */
const planSettings = {
  FIRST_RUN_QUIET_SECONDS: count(10, 0).describe(
    'A new source runs first when it and its measurements have not changed for this long. Until then its handshake may still be running.',
  ),
  FIRST_RUN_UNMAPPED_SECONDS: count(30, 0).describe(
    'A new source without measurements runs first after this long without a change. Its handshake has not happened, so its payloads could not be understood.',
  ),
}

export const settings = {
  ...pipelineSettings,
  ...postgresSettings,
  ...ledgerSettings,
  ...tokenSettings,
  ...moduleSettings,

  TICK_SECONDS: count(15).describe('Time between two rounds of the scheduler. A trigger starts a round earlier.'),
  ...planSettings,
  ONLY_ACTIVE_LINKS: flag(false).describe(
    'Crawl only companies whose link to the source is marked active. parma-web creates links that are not marked, so by default all links count.',
  ),
  MAX_ATTEMPTS: count(3).describe(
    'Attempts at a task before it is FAILED. `npx parma schedule set --attempts` overrides it for a source.',
  ),
  RETRY_BACKOFF_SECONDS: count(60).describe(
    'Time before the second attempt at a task, doubled before each further one. `npx parma schedule set --backoff` overrides it for a source.',
  ),
  MODULE_RUNS_AT_ONCE: count(4).describe('Runs of one module at once, over all its sources and all replicas.'),
  BREAKER_FAILURES: count(5).describe(
    'Failed attempts in a row that open a module’s circuit breaker. When its time has passed, one trial run at a time starts.',
  ),
  SETTLE_SECONDS: count(10, 0).describe(
    'Time after a run’s finish record until its outcome is final. Topics are not ordered with each other, so its last payloads may be counted later.',
  ),
  LONGEST_RUN_SECONDS: count(21_600).describe(
    'Longest time of one attempt. An attempt has the max_run_seconds of its source, counted anew from each payload and while the call to the module is open, up to this limit. It never cuts max_run_seconds.',
  ),
  LOST_CALL_GRACE_SECONDS: count(60, 0).describe(
    'A run whose call to the module broke off ends when no payload arrives for this long.',
  ),
  DOWN_AFTER_RUNS: count(3).describe('Failed runs in a row after which a source, or a company at a source, is DOWN.'),
  STALE_GRACE_SECONDS: count(3600, 0).describe(
    'A source is stale when a planned run should have ended this long ago and no value has arrived since its slot.',
  ),

  DISCOVER_TIMEOUT_SECONDS: count(120).describe('Deadline of one discovery call.'),
  DISCOVERY_FAILED_SECONDS: count(60, 0).describe(
    'Time before a company is looked up again after its discovery failed, doubled each time.',
  ),
  MAX_ANSWER_BYTES: count(1024 * 1024).describe('Largest answer accepted from a module.'),
}

/** The settings that `parma schedule` needs to show what the service will plan. */
export const readPlanConfig = (env: Env = process.env) => readEnv(planSettings, env)
export const readConfig = (env: Env = process.env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
