import { randomUUID } from 'node:crypto'
import type { HttpClient } from '#runtime/web/http-client.ts'
import type { Log } from '#runtime/process/log.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { retryTransient } from '#runtime/calls/retry.ts'
import { mintToken } from '#runtime/web/token.ts'
import { buildRequest, bringsCompanies, type CompaniesRequest } from './build-request.ts'
import { beginCall, endCall } from './call-log.ts'
import type { Claim } from './claims.ts'
import type { Config } from './config.ts'
import { discoverMissing } from './discovery.ts'
import { type CallResult, type Module, openModule } from './module-client.ts'
import type { OpenCalls } from './open-calls.ts'
import type { LinkedCompany } from './read-discovery.ts'

export type RunDeps = {
  config: Config
  database: Database
  http: HttpClient
  calls: OpenCalls
  log: Log
  stopping: AbortSignal
}

/** The companies linked to the source of the run. */
type ReadLinked = () => Promise<readonly LinkedCompany[]>

/** Share of a run's time after which no further discovery starts, so that time remains to crawl. */
const discoveryShare = 0.5

/** A longer timer of Node fires at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Carries out one attempt at a task: looks up missing identifiers, calls the module and records how the call ended.
 * Nothing that the module does affects another task. When the service stops, calls are dropped without a record: the
 * module works on, and its finish record or the task's deadline decides.
 */
export async function runTask(claim: Claim, readLinked: ReadLinked, deps: RunDeps): Promise<void> {
  const { database, log, stopping } = deps
  const about = { task_id: claim.task_id, data_source_id: claim.data_source_id, attempt: claim.attempt }
  const runDeps = { ...deps, log: log.child(about) }
  const result = await attempt(claim, readLinked, runDeps).catch((error: unknown): CallResult => {
    if (!stopping.aborted) runDeps.log.error({ error }, 'run_failed')
    return { error: `internal error: ${error instanceof Error ? error.message : String(error)}`, reached: false }
  })
  if (stopping.aborted || result === null) return
  if (result.error !== null) runDeps.log.warn({ reason: result.error, reached: result.reached }, 'module_call_lost')
  await retryTransient(() => endCall(database, claim, result), { signal: stopping })
}

async function attempt(claim: Claim, readLinked: ReadLinked, deps: RunDeps): Promise<CallResult | null> {
  const { config, database, http, calls, log, stopping } = deps
  const begin = performance.now()
  const module = openModule(http, {
    endpoint: claim.endpoint,
    token: await tokenFor(claim, config),
    discoverTimeoutMs: config.DISCOVER_TIMEOUT_SECONDS * 1000,
    maxAnswerBytes: config.MAX_ANSWER_BYTES,
    signal: stopping,
  })
  const hasTime = () => performance.now() - begin < claim.max_run_seconds * 1000 * discoveryShare
  const request = await prepare(claim, await readLinked(), module, hasTime, deps)
  if ('error' in request) return request
  if (!(await retryTransient(() => beginCall(config, database, claim), { signal: stopping }))) {
    log.warn('claim_lost')
    return null
  }
  log.info({ companies: request.companies && Object.keys(request.companies).length }, 'module_called')
  const leftMs = longestRunSeconds(claim, config) * 1000 - (performance.now() - begin)
  const timeoutMs = Math.min(Math.max(1000, Math.ceil(leftMs)), longestTimerMs)
  return calls.hold(claim, async (over) => {
    const result = await module.crawl(request, timeoutMs, over)
    return over.aborted ? null : result
  })
}

/** What the module has to crawl, or a failure when discovery failed and no company has identifiers. */
async function prepare(
  claim: Claim,
  linked: readonly LinkedCompany[],
  module: Module,
  hasTime: () => boolean,
  deps: RunDeps,
): Promise<CompaniesRequest | CallResult> {
  const { task_id, data_source_id, source_name } = claim
  if (bringsCompanies(source_name)) return buildRequest(task_id, source_name, [])
  const isAsked = ({ company_id }: LinkedCompany) => claim.only_companies?.includes(company_id) ?? true
  const known = await discoverMissing(data_source_id, linked.filter(isAsked), module, hasTime, deps)
  const companies = known.filter(isAsked)
  const request = buildRequest(task_id, source_name, companies)
  const failed = companies.find(({ miss }) => miss?.verdict === 'failed')?.miss
  if (failed && companies.every(({ identifiers }) => identifiers.length === 0))
    return { error: `no company has identifiers: ${failed.reason}`, reached: false }
  return request
}

/** How long a token outlives all attempts: what a module sends late is still accepted. */
const tokenMarginSeconds = 1800

function longestRunSeconds({ max_run_seconds }: Claim, { LONGEST_RUN_SECONDS }: Config): number {
  return Math.max(max_run_seconds, LONGEST_RUN_SECONDS)
}

/** A token that outlives its attempt and the next ones, because the module sends it back with its finish record. */
function tokenFor(claim: Claim, config: Config): Promise<string> {
  const { data_source_id, task_id, max_run_seconds, max_attempts } = claim
  const lifetimeSeconds =
    Math.max(max_run_seconds * max_attempts, longestRunSeconds(claim, config)) + tokenMarginSeconds
  const claims = { sourceId: data_source_id, taskId: task_id, jti: randomUUID(), now: Date.now(), lifetimeSeconds }
  return mintToken(claims, { shared: config.PARMA_SHARED_SECRET_KEY, analytics: config.PARMA_ANALYTICS_SECRET_KEY })
}
