import { setTimeout as delay } from 'node:timers/promises'
import { type Step, watchStart } from '../calls/start-watch.ts'
import { openTracing, type TracingSettings } from '../observe/open-tracing.ts'
import { type ConfigError, findIgnored } from './config.ts'
import { type Health, startHealth } from './health.ts'
import { createLog, type Log, type LogFormat } from './log.ts'

type ServiceConfig = {
  LOG_LEVEL: string
  LOG_FORMAT: LogFormat
  HEALTH_PORT: number
  HEALTH_HOST: string
  DRAIN_TIMEOUT_MS: number
} & TracingSettings

export type ServiceContext = {
  name: string
  log: Log
  health: Health
  /** What is put here is closed on the way out, last first, also when the start fails half-way. */
  scope: AsyncDisposableStack
  /** Aborted when the service begins to stop. */
  stopping: AbortSignal
  /** Does a part of the start: one that hangs ends the service. */
  step: Step
  /** Ends the service with exit code 1: for errors nobody thought of, and for what only a restart mends. */
  fail(error: unknown): void
}

/**
 * Runs a service from configuration to exit code, the same way for all: reads the configuration (all its errors at
 * once, exit code 78, EX_CONFIG), opens the health port, then `start`. SIGTERM and SIGINT stop it in order: not ready
 * any more, resources closed last first within DRAIN_TIMEOUT_MS, exit code 0; 1 when it failed or did not finish in
 * time.
 */
export async function runService<C extends ServiceConfig>(
  name: string,
  readConfig: () => C,
  start: (config: C, context: ServiceContext) => Promise<void>,
): Promise<never> {
  const config = readOrExit(readConfig)
  const log = createLog(name, config.LOG_LEVEL, config.LOG_FORMAT)
  for (const found of findIgnored()) log.warn(found, 'variable_without_effect')
  const stop = new AbortController()
  let failure: unknown
  const fail = (error: unknown) => {
    if (stop.signal.aborted) log.error({ error }, 'stop_failed')
    else log.fatal({ error }, 'service_failed')
    failure ??= error ?? new Error('unknown failure')
    stop.abort()
  }
  process.once('SIGTERM', () => stop.abort()).once('SIGINT', () => stop.abort())
  process.on('unhandledRejection', fail).on('uncaughtException', fail)
  process.removeAllListeners('warning').on('warning', (warning) => log.warn({ error: warning }, 'node_warning'))

  const scope = new AsyncDisposableStack()
  const stopped = new Promise<void>((done) => stop.signal.addEventListener('abort', () => done(), { once: true }))
  try {
    scope.use(await openTracing(name, config))
    const health = scope.use(await startHealth(config.HEALTH_PORT, config.HEALTH_HOST))
    const watch = watchStart({ log, stopping: stop.signal, fail })
    const started = start(config, { name, log, health, scope, stopping: stop.signal, step: watch.step, fail })
    await Promise.race([started.then(() => health.started()), stopped])
    watch.end()
    if (!stop.signal.aborted) log.info({ health_port: config.HEALTH_PORT }, 'service_started')
    await stopped
    health.drain()
  } catch (error) {
    fail(error)
  }
  const drained = await Promise.race([
    scope
      .disposeAsync()
      .catch(fail)
      .then(() => true),
    delay(config.DRAIN_TIMEOUT_MS, false),
  ])
  if (!drained) log.error({ after_ms: config.DRAIN_TIMEOUT_MS }, 'service_drain_timed_out')
  log.info({ clean: drained && !failure }, 'service_stopped')
  process.exit(failure !== undefined || !drained ? 1 : 0)
}

function readOrExit<C>(readConfig: () => C): C {
  try {
    return readConfig()
  } catch (error) {
    if ((error as ConfigError).name !== 'ConfigError') throw error
    console.error((error as ConfigError).message)
    process.exit(78)
  }
}
