import { type AuditDeps, auditRoutes } from './audit/routes.ts'
import { type AskDeps, askRoutes } from './ask/routes.ts'
import { type MessageLinkDeps, messageLinkRoutes } from './changes/message-links.ts'
import { audienceRoute } from './audience/routes.ts'
import { type ChangeDeps, changeRoutes } from './changes/routes.ts'
import { type ConsoleDeps, consoleRoutes } from './console/routes.ts'
import { type CompanyPagesDeps, companyPageRoutes } from './company-pages/routes.ts'
import { type CompatibilityDeps, compatibilityRoutes } from './compatibility.ts'
import { type AtomDeps, atomRoute } from './atom/routes.ts'
import { type DeliveryDeps, deliveryRoutes } from './deliveries/routes.ts'
import { type KeyDeps, keyRoutes } from './keys/routes.ts'
import { type LetterPageDeps, letterRoutes } from './letter-pages/routes.ts'
import { type MeDeps, meRoutes } from './me/routes.ts'
import type { MapDeskDeps } from './map-desk/map-deps.ts'
import { mapRoutes } from './map-desk/routes.ts'
import { type RuleDeps, ruleRoutes } from './rules/routes.ts'
import { type PeopleDeps, peopleRoutes } from './people/routes.ts'
import { type CorrectionDeps, correctionRoutes } from './corrections/routes.ts'
import { type EventPageDeps, eventRoutes } from './event-page/routes.ts'
import { handshake, type HandshakeDeps, handshakeDoc } from './handshake/handshake.ts'
import { type MeasurementDeps, measurementDoc, measurementRoutes } from './handshake/register.ts'
import { type FeedDeps, feedDoc, feedRawData } from './intake/feed.ts'
import { crawlingFinished, type FinishDeps, finishDoc } from './intake/finish.ts'
import { payloadsDoc, payloadsPath } from './batch/describe-payloads.ts'
import { feedPayloads, type PayloadsDeps } from './batch/payloads.ts'
import { readUsage, type UsageDeps, usageDoc } from './batch/usage.ts'
import { newCompany, newCompanyDoc } from './catalog/new-company.ts'
import { type RunDeps, runDoc, runNow } from './intake/triggers.ts'
import { showUnsubscribe, unsubscribe, type UnsubscribeDeps, unsubscribeDoc } from './intake/unsubscribe.ts'
import { assetRoute } from './server/asset-route.ts'
import { type ReplayDeps, replayRoutes } from './replays/routes.ts'
import { type RefusalDeps, refusalRoutes } from './refusals/routes.ts'
import { type ReportDeps, reportRoute } from './report/routes.ts'
import { addSourceRoutes } from './add-source/routes.ts'
import { type NowDeps, nowRoute } from './now/routes.ts'
import { docsRoutes, welcome, welcomeDoc } from './server/docs.ts'
import { withDocument } from './server/openapi.ts'
import type { Route } from './server/route.ts'
import type { SessionDeps } from './session/sign-in.ts'
import { type SourcePagesDeps, sourcePageRoutes } from './source-pages/routes.ts'
import { sessionRoutes } from './session/routes.ts'
import { chartRoute } from './trace/news-chart.ts'
import { explainNews, showWhy, showWhyToPerson, whyConsoleDoc, type WhyDeps, whyDoc, whyPageDoc } from './trace/why.ts'

/** The dependencies of each subject. `compatibility` null: those routes are switched off. */
export type RouteDeps = {
  handshake: HandshakeDeps
  measurements: MeasurementDeps
  feed: FeedDeps
  payloads: PayloadsDeps
  usage: UsageDeps
  finish: FinishDeps
  newCompany: { maxJsonDepth: number }
  compatibility: CompatibilityDeps | null
  events: EventPageDeps
  refusals: RefusalDeps
  corrections: CorrectionDeps
  letters: LetterPageDeps
  runs: RunDeps
  why: WhyDeps
  ask: AskDeps
  changes: ChangeDeps
  messageLinks: MessageLinkDeps
  /** Of the pages of messages, rules, people, keys and the audit log. */
  desk: AuditDeps & KeyDeps & DeliveryDeps & RuleDeps & PeopleDeps
  atom: AtomDeps
  console: ConsoleDeps
  me: MeDeps
  replays: ReplayDeps
  report: ReportDeps
  session: SessionDeps
  maps: MapDeskDeps
  companyPages: CompanyPagesDeps
  now: NowDeps
  sourcePages: SourcePagesDeps
  unsubscribe: UnsubscribeDeps
}

const measurement = '/source-measurement/:source_measurement_id'
const mail = '/unsubscribe/:notification_id/:delivery_id'

/** All routes, with who may call each (contract section 3). */
export function createRoutes(deps: RouteDeps): Route[] {
  const { register, list, read, remove } = measurementRoutes(deps.measurements)
  return withDocument([
    { method: 'get', path: '/', role: 'anyone', doc: welcomeDoc, handle: welcome },
    {
      method: 'get',
      path: '/handshake',
      // parma-web sends no token.
      role: deps.compatibility ? 'maybe-source' : 'source',
      doc: handshakeDoc,
      handle: handshake(deps.handshake),
    },
    { method: 'post', path: '/source-measurement', role: 'source', doc: measurementDoc.register, handle: register },
    { method: 'get', path: '/source-measurement', role: 'source', doc: measurementDoc.list, handle: list },
    { method: 'get', path: measurement, role: 'source', doc: measurementDoc.read, handle: read },
    { method: 'delete', path: measurement, role: 'source', doc: measurementDoc.remove, handle: remove },
    { method: 'post', path: '/feed-raw-data', role: 'source', doc: feedDoc, handle: feedRawData(deps.feed) },
    { method: 'post', path: payloadsPath, role: 'feeder', doc: payloadsDoc, handle: feedPayloads(deps.payloads) },
    {
      method: 'post',
      path: '/crawling-finished',
      role: 'source',
      doc: finishDoc,
      handle: crawlingFinished(deps.finish),
    },
    { method: 'post', path: '/new-company', role: 'source', doc: newCompanyDoc, handle: newCompany(deps.newCompany) },
    ...(deps.compatibility ? compatibilityRoutes(deps.compatibility) : []),
    ...eventRoutes(deps.events),
    ...refusalRoutes(deps.refusals),
    ...correctionRoutes(deps.corrections),
    ...letterRoutes(deps.letters),
    {
      method: 'get',
      path: '/api/v1/sources/:source_id/usage',
      role: 'viewer-or-source',
      doc: usageDoc,
      handle: readUsage(deps.usage),
    },
    { method: 'post', path: '/api/v1/runs', role: 'operator', doc: runDoc, handle: runNow(deps.runs) },
    { method: 'get', path: '/api/v1/news/:news_id/why', role: 'viewer', doc: whyDoc, handle: explainNews(deps.why) },
    audienceRoute(deps.ask),
    ...askRoutes(deps.ask),
    ...changeRoutes(deps.changes),
    ...consoleRoutes(deps.console),
    ...meRoutes(deps.me),
    ...[deliveryRoutes, ruleRoutes, peopleRoutes, keyRoutes, auditRoutes].flatMap((routesOf) => routesOf(deps.desk)),
    {
      ...{ method: 'get', path: '/console/why/:news_id', role: 'person' },
      ...{ doc: whyConsoleDoc, handle: showWhyToPerson(deps.why) },
    },
    ...mapRoutes(deps.maps),
    ...sessionRoutes(deps.session),
    ...companyPageRoutes(deps.companyPages),
    ...replayRoutes(deps.replays),
    nowRoute(deps.now),
    ...addSourceRoutes(deps.handshake),
    ...sourcePageRoutes(deps.sourcePages),
    { method: 'get', path: '/why/:news_id', role: 'anyone', doc: whyPageDoc, handle: showWhy(deps.why) },
    chartRoute(deps.why),
    { method: 'get', path: mail, role: 'anyone', doc: unsubscribeDoc.show, handle: showUnsubscribe(deps.unsubscribe) },
    { method: 'post', path: mail, role: 'anyone', doc: unsubscribeDoc.end, handle: unsubscribe(deps.unsubscribe) },
    ...messageLinkRoutes(deps.messageLinks),
    ...[atomRoute(deps.atom), reportRoute(deps.report), assetRoute],
    ...docsRoutes(),
  ])
}
