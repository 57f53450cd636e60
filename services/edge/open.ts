import type { Express } from 'express'
import type { Producer } from '#runtime/kafka/produce.ts'
import { openPool } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { HttpClient } from '#runtime/web/http-client.ts'
import type { Codec } from '#schemas/codec.ts'
import { maxBodyBytes } from '#schemas/topics.ts'
import { createTokenChecker } from './access/access.ts'
import { openApiKeys } from './access/api-keys.ts'
import { openSources } from './access/sources.ts'
import { createAffinityClient } from './catalog/affinity-client.ts'
import { readAtMostEvery, type ReadCrm } from './catalog/crm.ts'
import type { Config } from './config.ts'
import { boundBy } from './http/deadline.ts'
import { openAffinity } from './intake/affinity.ts'
import { createAcceptedEvents } from './publish/accepted.ts'
import { createKeyCheck } from './publish/idempotency.ts'
import { createReporter } from './publish/ops-events.ts'
import { createPublisher } from './publish/publish.ts'
import { createRoutes } from './routes.ts'
import { createApp } from './server/app.ts'
import { createBodyReader } from './server/body.ts'
import { createLimits } from './server/limits.ts'
import { openDeadLetters } from './trace/dead-letters.ts'
import { openRawDocuments } from './trace/raw-documents.ts'

type Connections = { codec: Codec; producer: Producer; http: HttpClient }

/** How long a client may take to receive an answer: a slow reader must not hold a connection for long. */
const responseTimeoutMs = 60_000

/** Lifetime of a handshake's token: the 30 minutes that modules are used to. */
const tokenSeconds = 1800

/** How long reading all companies of the CRM may take: people wait for the answer. */
const crmTimeoutMs = 30_000

/** Puts the routes together with what they need. */
export async function openEdge(
  config: Config,
  context: ServiceContext,
  { codec, producer, http }: Connections,
): Promise<Express> {
  const { log, scope, stopping } = context
  // Not openDatabase: the edge stays ready without Postgres, feeds of known sources go on.
  const database = await openPool(config)
  scope.defer(() => database.end())
  const secrets = { shared: config.PARMA_SHARED_SECRET_KEY, analytics: config.PARMA_ANALYTICS_SECRET_KEY }
  const cache = { keepMs: config.SOURCE_CACHE_MS, timeoutMs: config.LOOKUP_TIMEOUT_MS }
  const publish = createPublisher(config, codec, producer, log)
  const routes = createRoutes({
    database,
    bounded: boundBy(config.DATABASE_TIMEOUT_MS),
    http,
    secrets,
    stopping,
    publish,
    report: createReporter(publish, log),
    sources: openSources(database, cache),
    resolveAffinity: openAffinity(database, cache),
    checkKey: createKeyCheck(),
    accepted: createAcceptedEvents(),
    boundedLookup: boundBy(config.LOOKUP_TIMEOUT_MS),
    findDeadLetters: openDeadLetters(config, config.LOOKUP_TIMEOUT_MS, context),
    findDocument: openRawDocuments(config.firestore, config.LOOKUP_TIMEOUT_MS, context),
    maxJsonDepth: config.MAX_JSON_DEPTH,
    maxAnswerBytes: config.MAX_MAP_BYTES,
    timeoutMs: config.HANDSHAKE_TIMEOUT_MS,
    tokenSeconds,
    lookupTimeoutMs: config.LOOKUP_TIMEOUT_MS,
    linkSecret: config.LINK_SECRET,
    compatibilityRoutes: config.COMPATIBILITY_ROUTES,
    readCrm: openCrm(config, http, stopping),
  })
  const readBody = createBodyReader({ maxBytes: maxBodyBytes, maxBufferedBytes: config.MAX_BUFFERED_BYTES })
  return createApp(routes, {
    checkToken: createTokenChecker(secrets),
    checkApiKey: openApiKeys(database, { ...cache, keepMs: config.API_KEY_CACHE_MS }),
    limits: createLimits(config),
    readBody,
    trustProxy: config.TRUST_PROXY,
    responseTimeoutMs,
    log,
  })
}

function openCrm(config: Config, http: HttpClient, stopping: AbortSignal): ReadCrm | null {
  const { affinity, CRM_INTERVAL_MS, MAX_CRM_BYTES: maxBytes } = config
  return (
    affinity &&
    readAtMostEvery(
      CRM_INTERVAL_MS,
      createAffinityClient(http, { ...affinity, timeoutMs: crmTimeoutMs, maxBytes, stopping }),
    )
  )
}
