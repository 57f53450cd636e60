import type { Express } from 'express'
import { type Limited, limitWork } from '#runtime/calls/limit-work.ts'
import { openServiceStates } from '#runtime/offsets/service-states.ts'
import { createOpsQueue } from '#runtime/outbox/ops-queue.ts'
import type { Publish } from '#runtime/kafka/output.ts'
import { type Database, openPool } from '#runtime/postgres/database.ts'
import { waitForSchema } from '#runtime/postgres/schema-check.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { HttpClient } from '#runtime/web/http-client.ts'
import type { TokenSecrets } from '#runtime/web/token.ts'
import { maxBodyBytes } from '#schemas/topics.ts'
import { createTokenChecker } from './access/access.ts'
import { type CheckApiKey, openApiKeys } from './access/api-keys.ts'
import { openSessions } from './access/sessions.ts'
import { openSources } from './access/sources.ts'
import type { Viewer } from './access/viewer.ts'
import { isReadable, isReadableNews } from './ask/may-read.ts'
import { showAudience } from './audience/audience-part.ts'
import { createAffinityClient } from './catalog/affinity-client.ts'
import { readAtMostEvery, type ReadCrm } from './catalog/crm.ts'
import { type Changes, openChanges } from './changes/changes.ts'
import type { Config } from './config.ts'
import { createInitialize } from './handshake/initialize.ts'
import { openDryRun } from './batch/dry-run.ts'
import { openKnownEvents } from './batch/known-events.ts'
import type { PayloadsDeps } from './batch/payloads.ts'
import type { TrialDeps } from './batch/try-batch.ts'
import { readZone } from './design/zone.ts'
import type { FigureSources } from './exporter/figures.ts'
import { startExporting } from './exporter/loop.ts'
import type { CacheOptions } from './http/cache.ts'
import { boundBy } from './http/deadline.ts'
import { unavailable } from './http/http-error.ts'
import { findCrmCompany, openAffinity } from './intake/affinity.ts'
import { limitDailyBytes } from './intake/daily-bytes.ts'
import { openLetters } from './letters/open-letters.ts'
import { openBrokerState } from './now/broker-state.ts'
import { createAcceptedEvents } from './publish/accepted.ts'
import { watchBroker } from './publish/broker-watch.ts'
import { createKeyCheck } from './publish/idempotency.ts'
import { watchFeedHold } from './publish/feed-hold.ts'
import type { HoldGate } from './publish/gate.ts'
import { createReporter } from './publish/ops-events.ts'
import { createPublishers } from './publish/publish.ts'
import { createRoutes } from './routes.ts'
import { askToSignIn, keepForm, refuseForm } from './session/ask-to-sign-in.ts'
import type { SessionDeps } from './session/sign-in.ts'
import { openFailures } from './session/failures.ts'
import { type MailedLink, openSendLink } from './session/send-link.ts'
import { pruneSessions } from './session/store.ts'
import { createApp } from './server/app.ts'
import { createBodyReader } from './server/body.ts'
import { createCallLimit, createLimits } from './server/limits.ts'
import type { Route } from './server/route.ts'
import { readWhy } from './trace/read-why.ts'
import { openDeadLetters } from './trace/dead-letters.ts'
import { openRawDocuments } from './trace/raw-documents.ts'

type RouteTools = Connections &
  Pick<FigureSources, 'readStates'> & { secrets: TokenSecrets; caching: CacheOptions; checkApiKey: CheckApiKey }
type Connections = { send: Publish; sendNow: Publish; gate: HoldGate; probe(): Promise<void>; http: HttpClient }

/** How long a client may take to receive a response: a slow reader must not hold a connection for long. */
const responseTimeoutMs = 60_000

/** How long reading all companies of the CRM may take: people wait for the response. */
const crmTimeoutMs = 30_000

const pruneEveryMs = 3_600_000

/** The edge, ready to serve. */
export async function openEdge(config: Config, context: ServiceContext, connections: Connections): Promise<Express> {
  const { log, scope } = context
  // Not openDatabase: the edge stays ready without Postgres, and accepts payloads of known sources.
  const database = await context.step('connecting to Postgres', () => openPool(config))
  scope.defer(() => database.end())
  await waitForSchema(database, context)
  const processId = await watchFeedHold(config, context, database, connections.gate)
  const secrets = { shared: config.PARMA_SHARED_SECRET_KEY, analytics: config.PARMA_ANALYTICS_SECRET_KEY }
  const caching = { keepMs: config.SOURCE_CACHE_MS, timeoutMs: config.LOOKUP_TIMEOUT_MS }
  const keys = openApiKeys(database, { ...caching, keepMs: config.API_KEY_CACHE_MS })
  const { checkApiKey } = keys
  const states = scope.use(openServiceStates(config, 'edge-now', log))
  const readStates = () => states.read()
  startExporting(context, processId, { database, readStates })
  return createApp(
    await openRoutes(config, context, database, { ...connections, secrets, caching, checkApiKey, readStates }),
    {
      checkToken: createTokenChecker(secrets),
      ...keys,
      sessions: openSessions(database, boundBy(config.LOOKUP_TIMEOUT_MS), config.SESSION_IDLE_DAYS),
      askToSignIn,
      refuseForm,
      keepForm,
      publicUrl: config.PUBLIC_URL,
      limits: createLimits(config),
      bodies: createBodyReader({ maxBytes: maxBodyBytes, maxBufferedBytes: config.MAX_BUFFERED_BYTES }),
      trustProxy: config.TRUST_PROXY,
      responseTimeoutMs,
      log,
    },
  )
}

async function openRoutes(
  config: Config,
  context: ServiceContext,
  database: Database,
  { http, secrets, caching, checkApiKey, ...kafka }: RouteTools,
): Promise<Route[]> {
  const {
    MAX_JSON_DEPTH: maxJsonDepth,
    MAX_FEED_VALUES: maxFeedValues,
    LOOKUP_TIMEOUT_MS: lookupTimeoutMs,
    LINK_SECRET: linkSecret,
  } = config
  const bounded = boundBy(config.DATABASE_TIMEOUT_MS)
  const boundedLookup = boundBy(lookupTimeoutMs)
  const { hold, holdAll, publish } = createPublishers(config, context.log, kafka)
  const report = createReporter(createOpsQueue(context, kafka.sendNow), context.log)
  watchBroker(config, context, { probe: kafka.probe, report })
  const takeBytes = await limitDailyBytes(config, context, database, report)
  const sources = openSources(database, caching)
  const accepted = createAcceptedEvents()
  const resolveAffinity = openAffinity(database, caching)
  const feeding = { sources, takeBytes, resolveAffinity, accepted, isReused: createKeyCheck() }
  const limited = limitLargeReads(config)
  const readCrm = openCrm(config, http, context.stopping)
  const findDocument = openRawDocuments(config.firestore, lookupTimeoutMs, context)
  const findDeadLetters = openDeadLetters(config, lookupTimeoutMs, context)
  const changes = openChanges({ publish, database, bounded })
  const isReadableCompany = (viewer: Viewer, companyId: string | null) => isReadable(database, viewer, companyId)
  const isReadableItem = (viewer: Viewer, newsId: string) => isReadableNews(database, viewer, newsId)
  const reading = { database, bounded, limited }
  const changing = { ...reading, changes }
  return createRoutes({
    handshake: { database, bounded, sources, publish, report, ...openHandshake(config, context, http, secrets) },
    measurements: { database, bounded, sources, report, maxJsonDepth },
    feed: { ...feeding, publish: hold, maxJsonDepth, maxFeedValues },
    payloads: { ...feeding, publishAll: holdAll, ...openBatches(config, database) },
    finish: { database, sources, publish: hold, takeBytes, lookupTimeoutMs, maxJsonDepth },
    compatibility: config.COMPATIBILITY_ROUTES ? { publish, database, bounded, readCrm, maxJsonDepth } : null,
    events: { ...reading, boundedLookup, accepted, findDocument, findDeadLetters, isReadable: isReadableCompany },
    ...{ runs: { publish, sources, maxJsonDepth }, refusals: changing, corrections: changing },
    letters: { ...reading, maxJsonDepth, letters: openLetters(config, context, database) },
    why: {
      ...{ database, boundedLookup, linkSecret, log: context.log },
      isReadable: isReadableItem,
      showAudience: (...asked) => bounded(showAudience(database, ...asked)),
      readZone: (viewer, cookies) => bounded(readZone(database, viewer, cookies)),
    },
    ...{ ask: reading, usage: reading, sourcePages: changing, replays: changing },
    ...{ report: { database, boundedLookup, linkSecret }, me: { ...changing, links: config } },
    atom: { database, bounded, links: config, items: config.ATOM_ITEMS, keepMs: config.ATOM_CACHE_MS },
    changes: { changes, database, bounded, maxJsonDepth },
    messageLinks: { changes, database, bounded, linkSecret, publicUrl: config.PUBLIC_URL },
    console: {
      ...{ database, bounded, limited, changes, isReadable: isReadableItem },
      readWhy: (newsId) => boundedLookup(readWhy(database, newsId)),
    },
    session: openSession(config, context, database, { checkApiKey, changes }),
    companyPages: { database, bounded, limited, changes, countTrial: limitTrials(config), log: context.log },
    maps: { database, bounded, sources, publish, report, changes, maxJsonDepth },
    ...{
      desk: { database, bounded, changes },
      now: { database, bounded, readBroker: openBrokerState(kafka.readStates) },
    },
    ...{ newCompany: { maxJsonDepth }, unsubscribe: { publish, linkSecret } },
  })
}

function openBatches(config: Config, database: Database): TrialDeps & Pick<PayloadsDeps, 'countPayload'> {
  const { MAX_BATCH_BYTES: maxBatchBytes, MAX_BATCH_PAYLOADS: maxBatchPayloads, MAX_DRY_RUN_BYTES } = config
  const { MAX_JSON_DEPTH: maxJsonDepth, MAX_FEED_VALUES: maxFeedValues } = config
  const bounded = boundBy(config.DATABASE_TIMEOUT_MS)
  return {
    findKnown: openKnownEvents(database, boundBy(config.LOOKUP_TIMEOUT_MS)),
    findCompany: (name) => bounded(findCrmCompany(database, name)),
    dryRun: openDryRun(database, bounded, config),
    countPayload: createCallLimit(config.RATE_LIMIT_PAYLOADS, 'payloads of one data source'),
    limits: {
      ...{ maxBatchBytes, maxBatchPayloads, maxPayloadBytes: maxBodyBytes, maxDryRunBytes: MAX_DRY_RUN_BYTES },
      ...{ maxJsonDepth, maxFeedValues },
    },
  }
}

function openHandshake(config: Config, { stopping }: ServiceContext, http: HttpClient, secrets: TokenSecrets) {
  const { HANDSHAKE_TIMEOUT_MS: timeoutMs, MAX_MAP_BYTES: maxAnswerBytes, RATE_LIMIT_HANDSHAKE } = config
  return {
    initialize: createInitialize(http, secrets, { timeoutMs, maxAnswerBytes, stopping }),
    countHandshake: createCallLimit(RATE_LIMIT_HANDSHAKE, 'handshakes of one data source'),
  }
}

function openSession(
  config: Config,
  context: ServiceContext,
  database: Database,
  { checkApiKey, changes }: { checkApiKey: CheckApiKey; changes: Changes },
): SessionDeps {
  const { RATE_LIMIT_SIGN_IN, SIGN_IN_MAILS, SIGN_IN_MINUTES: minutes, SESSION_DAYS: days } = config
  const { LINK_SECRET, PUBLIC_URL } = config
  const bounded = boundBy(config.DATABASE_TIMEOUT_MS)
  const noteFailure = openFailures(database, context.log, config.SIGN_IN_FAILURES)
  const sending = {
    ...{ database, bounded, noteFailure, minutes, mailsPerHour: SIGN_IN_MAILS },
    mailLink: ({ userId: person, channelId: channel, signInId: sign_in }: MailedLink) =>
      changes.sendChange({ name: `person:${person}`, role: 'viewer' }, 'notifier.sign_in.mail', {
        person,
        channel,
        sign_in,
      }),
  }
  startLoop('session_pruning', pruneEveryMs, context, () => bounded(pruneSessions(database)))
  return {
    ...{ database, bounded, checkApiKey, days, minutes },
    linkSecret: LINK_SECRET,
    noteFailure,
    sendLink: LINK_SECRET !== undefined && PUBLIC_URL !== undefined ? openSendLink(context, sending) : null,
    countTry: createCallLimit(RATE_LIMIT_SIGN_IN, 'tries to sign in', 'hour'),
    countMail: createCallLimit(SIGN_IN_MAILS, 'links for one e-mail address', 'hour'),
  }
}

function limitTrials({ RATE_LIMIT_RULE_TRIALS: most }: Config) {
  return createCallLimit(most, 'rules tried by one person')
}

function limitLargeReads({ MAX_LARGE_READS, LOOKUP_TIMEOUT_MS }: Config): Limited {
  const tooBusy = () => unavailable('Too many large reads at the same time. Send the request again.')
  return limitWork(MAX_LARGE_READS, LOOKUP_TIMEOUT_MS, tooBusy)
}

function openCrm(config: Config, http: HttpClient, stopping: AbortSignal): ReadCrm | null {
  const { affinity, CRM_INTERVAL_MS, MAX_CRM_BYTES: maxBytes } = config
  if (!affinity) return null
  const readCrm = createAffinityClient(http, { ...affinity, timeoutMs: crmTimeoutMs, maxBytes, stopping })
  return readAtMostEvery(CRM_INTERVAL_MS, readCrm)
}
