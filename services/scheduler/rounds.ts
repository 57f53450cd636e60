import { Counter, Gauge, Histogram } from 'prom-client'
import { createHttpClient, type HttpClient } from '#runtime/web/http-client.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import { retryTransient } from '#runtime/calls/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { type Claim, claimDue } from './claims.ts'
import type { Config } from './config.ts'
import { readCompanies } from './identifiers.ts'
import { startOpenCalls, type OpenCalls } from './open-calls.ts'
import { runTask } from './run-task.ts'
import { adoptTasks, closeOrphans, endAttempts, hasOpenRuns, finalizeRuns } from './open-runs.ts'
import { createSourceWatch } from './source-watch.ts'

/** Runs of one process at once: each is little more than an open connection. Others wait, or go to other replicas. */
const maxRuns = 1000

const tickDuration = new Histogram({
  name: 'parma_scheduler_tick_seconds',
  help: 'Seconds from the start of a round until all due tasks are claimed',
  buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
})
const runsUnderWay = new Gauge({ name: 'parma_scheduler_runs', help: 'Runs that this process is carrying out' })
const attemptsStarted = new Counter({
  name: 'parma_scheduler_attempts_total',
  help: 'Attempts at tasks that have started',
})
const attemptsEnded = new Counter({
  name: 'parma_scheduler_attempts_given_up_total',
  help: 'Attempts that ended without a finish record, by the status of their task (PENDING: it is retried)',
  labelNames: ['status'] as const,
})
const runsSettled = new Counter({
  name: 'parma_scheduler_runs_settled_total',
  help: 'Runs with a finish record, by outcome (ok, partial, failed)',
  labelNames: ['outcome'] as const,
})

// So that the first one shows as a change.
for (const status of ['PENDING', 'FAILED']) attemptsEnded.inc({ status }, 0)
for (const outcome of ['ok', 'partial', 'failed']) runsSettled.inc({ outcome }, 0)

/**
 * Sources whose companies are read in one statement: enough to share its cost, few enough for their rows to fit in
 * memory.
 */
const sourcesPerRead = 100

/** The service is not ready when its last successful round is this many periods ago. */
const patience = 4

/** The next round when another process holds a source that has work, or when a task was adopted. */
const lookAgainMs = 500

/**
 * Starts a round every TICK_SECONDS until the service stops, and whenever the returned function is called. `onOutcomes`
 * is called when runs have got their outcome.
 */
export function startRounds(
  config: Config,
  context: ServiceContext,
  database: Database,
  onOutcomes: () => void,
): () => void {
  const { ALLOWED_PRIVATE_NETWORKS: allowedPrivateNetworks, MODULE_CA: ca } = config
  const httpHosts = config.DEPLOYMENT_ENV === 'local' ? undefined : config.ALLOWED_HTTP_MODULES
  const http = context.scope.use(createHttpClient({ allowedPrivateNetworks, httpHosts, ca }))
  const calls = startOpenCalls(context, database)
  const tick = createTick(config, context, { database, http, calls }, { onRoom: () => wake(), onOutcomes })
  const everyMs = config.TICK_SECONDS * 1000
  let lastSuccess = performance.now()
  context.health.ready('tick', () => {
    const ago = performance.now() - lastSuccess
    if (ago > patience * everyMs) throw new Error(`no successful round for ${Math.round(ago / 1000)} s`)
  })
  const wake = startLoop('tick', everyMs, context, async () => {
    const nextMs = await tick()
    lastSuccess = performance.now()
    return nextMs
  })
  return wake
}

/**
 * One round of the scheduler: ends attempts that are over, finalizes finished runs, plans slots, claims due tasks and
 * starts them without waiting for their end. Returns ms until the next round is worth it, or null. Each task starts
 * once, however many rounds run in however many processes. `onRoom` is called when a run ends and due tasks were
 * waiting for room.
 */
function createTick(
  config: Config,
  { log, scope, stopping, fail }: ServiceContext,
  { database, http, calls }: { database: Database; http: HttpClient; calls: OpenCalls },
  { onRoom, onOutcomes }: { onRoom: () => void; onOutcomes: () => void },
): () => Promise<number | null> {
  const runs = new Set<Promise<void>>()
  const watch = createSourceWatch(config, database)
  let full = false
  scope.defer(async () => void (await Promise.allSettled(runs)))

  function start(claims: readonly Claim[]): void {
    const sources = claims.map(({ data_source_id }) => data_source_id)
    const read = () => readCompanies(database, sources, config.ONLY_ACTIVE_LINKS)
    const companies = retryTransient(read, { signal: stopping })
    // Each run awaits this promise and handles the error itself.
    companies.catch(() => undefined)
    for (const claim of claims) {
      attemptsStarted.inc()
      const readLinked = async () => (await companies).get(claim.data_source_id) ?? []
      const run = runTask(claim, readLinked, { config, database, http, calls, log, stopping })
        .catch((error: unknown) => void (stopping.aborted || fail(error)))
        .finally(() => {
          runs.delete(run)
          runsUnderWay.set(runs.size)
          if (full) onRoom()
        })
      runs.add(run)
    }
  }

  async function sweep(): Promise<void> {
    const ended = await endAttempts(config, database)
    for (const { status, ...attempt } of ended) {
      attemptsEnded.inc({ status })
      log.warn({ ...attempt, status }, 'attempt_ended')
    }
    const finalized = await finalizeRuns(config, database)
    for (const run of finalized) {
      runsSettled.inc({ outcome: run.outcome })
      log.info(run, 'run_finalized')
    }
    for (const task_id of await closeOrphans(database)) log.warn({ task_id }, 'task_deleted')
    if (finalized.length > 0 || ended.some(({ status }) => status === 'FAILED')) onOutcomes()
  }

  return async () => {
    const end = tickDuration.startTimer()
    if (await hasOpenRuns(database)) await sweep()
    const { sources, nextInMs } = await watch()
    const foreign = sources.flatMap(({ foreign }) => foreign)
    if (foreign.length > 0) await adoptTasks(database, foreign)
    const room = maxRuns - runs.size
    const { claims, missed } = await claimDue(config, database, sources, room)
    full = claims.length === room
    for (let at = 0; at < claims.length; at += sourcesPerRead) start(claims.slice(at, at + sourcesPerRead))
    runsUnderWay.set(runs.size)
    end()
    return missed || foreign.length > 0 ? lookAgainMs : nextInMs
  }
}
