import type { HttpClient } from '#runtime/web/http-client.ts'
import { moduleUrl } from '#runtime/web/module-url.ts'
import { bringsCompanies, buildRequest, type CompaniesRequest, type CompanyIdentifiers } from '../build-request.ts'
import { type Module, openModule } from '../module-client.ts'
import { compareCompanies, compareCrawls, compareUnknown } from '../judge/compare-payloads.ts'
import { createFindings, type Findings } from '../judge/findings.ts'
import { judgeAnswer } from '../judge/judge-answer.ts'
import { judgeCalls } from '../judge/judge-calls.ts'
import { judgeDiscovery } from '../judge/judge-discovery.ts'
import { type Handshake, judgeHandshake } from '../judge/judge-handshake.ts'
import { judgePayloads } from '../judge/judge-payloads.ts'
import { judgeLate, judgeRun, type Run } from '../judge/judge-run.ts'
import { type Read, readPayloads } from '../judge/read-payloads.ts'
import { type RecordingEdge, sourceId, type Step } from '../recording/recording-edge.ts'
import { watchClient } from '../recording/watched-client.ts'

export type Limits = {
  handshakeMs: number
  discoverMs: number
  crawlMs: number
  lateMs: number
  maxAnswerBytes: number
}

/** `companies`: names to ask the module for, the nth with the id n. `identifiers`: of all, in place of discovery. */
type Asked = { endpoint: string; companies: readonly string[]; identifiers: readonly string[] }

export type Checked = { findings: Findings; source: string | null; entries: number; payloads: number }

type Deps = { asked: Asked; limits: Limits; edge: RecordingEdge; http: HttpClient; now(): number }

/**
 * Drives a module as edge and scheduler do, against a recording edge: handshake, discovery, two crawls, and one with a
 * name that does not exist. A module that never calls this edge may write to another one, so it is not asked to crawl.
 */
export async function checkModule(deps: Deps): Promise<Checked> {
  const findings = createFindings()
  const check: Check = { ...deps, findings, http: watchClient(deps.http), runs: [] }
  const { handshake, isOurs } = await shakeHands(check)
  const about = { findings, source: handshake?.source ?? null, entries: handshake?.entries ?? 0 }
  if (check.http.last().failure?.reason === 'timeout') {
    findings.skip('Anything else: /initialize did not answer in time.')
    return { ...about, payloads: 0 }
  }
  await judgeTokenChecks(check)
  const companies = await discover(check, handshake?.source ?? '')
  if (!handshake || !isOurs) {
    findings.skip(whyNotCrawled(handshake, isOurs))
    return { ...about, payloads: 0 }
  }
  const payloads = await crawlAll(check, handshake, companies)
  for (const run of check.runs) judgeLate(findings, 'POST /companies', run)
  return { ...about, payloads }
}

type Check = Deps & { findings: Findings; http: ReturnType<typeof watchClient>; runs: Step[] }

function whyNotCrawled(handshake: Handshake | null, isOurs: boolean): string {
  if (isOurs) return 'Crawls and payloads: the handshake did not succeed.'
  const what = 'Registration, crawls, payloads and /crawling-finished: the module never called the recording edge'
  if (handshake?.entries === 0) return `${what}, since its map has no entries: it may be bound to another one.`
  return `${what}, so it may write to another one. Start it with the ANALYTICS_BASE_URL above.`
}

/** `handshake` null: there is no usable answer. `isOurs`: the module has called the recording edge. */
async function shakeHands(check: Check): Promise<{ handshake: Handshake | null; isOurs: boolean }> {
  const { asked, limits, edge, http, findings } = check
  const step = await edge.begin()
  const request = { method: 'GET', url: moduleUrl(asked.endpoint, 'initialize', { source_id: sourceId }) } as const
  const headers = { authorization: `Bearer ${step.token}`, accept: 'application/json' }
  await http
    .request({ ...request, headers, timeoutMs: limits.handshakeMs, maxBytes: limits.maxAnswerBytes })
    .catch(() => undefined)
  const isOurs = step.calls.length > 0
  const refused = judgeCalls(findings, step)
  const last = http.last()
  // Bound to another edge it is refused there, and fails for that.
  const mayFail = refused || !isOurs
  const answered = judgeAnswer(findings, 'GET /initialize', last, { section: '4.1', mayFail })
  const handshake = answered && judgeHandshake(findings, answered, step, refused)
  return { handshake, isOurs }
}

/** Without a right token a module must not work. The call that writes nothing is asked for it. */
async function judgeTokenChecks({ asked, limits, edge, http, findings }: Check): Promise<void> {
  const { token } = await edge.begin()
  const url = moduleUrl(asked.endpoint, 'discover')
  const body = JSON.stringify([{ company_id: '1', name: asked.companies[0] ?? 'Acme' }])
  const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(43)}`
  for (const [what, authorization] of [
    ['without a token', null],
    ['with a token that is not signed with the shared secret', `Bearer ${forged}`],
  ] as const) {
    const headers = { 'content-type': 'application/json', ...(authorization === null ? {} : { authorization }) }
    const answer = await http
      .request({
        method: 'POST',
        url,
        headers,
        body,
        timeoutMs: Math.min(limits.discoverMs, 10_000),
        maxBytes: limits.maxAnswerBytes,
      })
      .catch(() => null)
    if (answer?.status === 200) findings.advice('token-not-checked', 'POST /discover', `works ${what}`)
  }
}

async function discover(check: Check, source: string): Promise<CompanyIdentifiers[]> {
  const { asked, edge, findings } = check
  if (bringsCompanies(source)) return []
  const { token, calls } = await edge.begin()
  const module = openModuleOf(check, token)
  const found: CompanyIdentifiers[] = []
  const isSlow = () => check.findings.defects.some(({ kind }) => kind === 'slow')
  for (const [index, name] of asked.companies.entries()) {
    if (isSlow()) break
    const identifiers = await discoverOne(check, module, index + 1, name)
    if (identifiers.length > 0) found.push({ company_id: index + 1, identifiers })
  }
  if (!isSlow()) await discoverOne(check, module, asked.companies.length + 1, 'Nobody 4711 of nowhere')
  judgeCalls(findings, { token, taskId: null, calls })
  if (asked.identifiers.length === 0) return found
  const given = asked.companies.map((_, index) => ({
    company_id: index + 1,
    identifiers: readIdentifiers(asked.identifiers, index),
  }))
  return given.filter(({ identifiers }) => identifiers.length > 0)
}

async function discoverOne({ http, findings, now }: Check, module: Module, company_id: number, name: string) {
  const where = 'POST /discover'
  const discovery = await module.discover({ company_id, name })
  const answered = judgeAnswer(findings, where, http.last(), { section: '4.2', mayFail: true })
  if (answered) judgeDiscovery(findings, where, answered, discovery, now())
  return discovery.verdict === 'found' ? discovery.identifiers.map(identifierOf) : []
}

const identifierOf = ({ property, value }: { property: string; value: string }) => ({
  ...{ type: 'AUTOMATICALLY_DISCOVERED' as const, property, value, expired: false },
})

/** Of `property=value`, the nth for the nth company. */
function readIdentifiers(given: readonly string[], index: number) {
  const own = given[index]
  if (own === undefined) return []
  const [property = '', ...value] = own.split('=')
  return [identifierOf({ property, value: value.join('=') })]
}

function openModuleOf({ asked, limits, http }: Check, token: string): Module {
  const { discoverMs: discoverTimeoutMs, maxAnswerBytes } = limits
  return openModule(http, {
    endpoint: asked.endpoint,
    token,
    discoverTimeoutMs,
    maxAnswerBytes,
    signal: new AbortController().signal,
  })
}

/** Three runs; returns how many payloads came in them. */
async function crawlAll(check: Check, { source, map }: Handshake, companies: CompanyIdentifiers[]): Promise<number> {
  const { findings, now } = check
  if (!bringsCompanies(source) && companies.length === 0) {
    findings.skip(
      'Crawls: /discover found none of the companies. Name one that the module knows with --company, or an identifier with --identifier.',
    )
    return 0
  }
  const learnt: Parameters<typeof readPayloads>[2] = []
  const read = (run: Run | null): Read[] => readPayloads(run?.fed ?? [], map, learnt)
  const first = await crawl(check, buildRequest(1, source, companies))
  const payloads = read(first)
  judgePayloads(findings, payloads, map, source, now())
  compareCompanies(findings, payloads)
  if (!first) {
    findings.skip('A second crawl, and one of a name that does not exist: the first did not come to its end.')
    return payloads.length
  }
  if (payloads.length === 0)
    findings.skip(`Payloads: the crawl fed none. ${Object.values(first.errors)[0] ?? ''}`.trim())
  const second = read(await crawl(check, buildRequest(2, source, companies)))
  compareCrawls(findings, payloads, second)
  const last = companies.at(-1)
  if (!last) return payloads.length + second.length
  const unknown = [...companies.slice(0, -1), { ...last, identifiers: last.identifiers.map(makeUnknown) }]
  const third = read(await crawl(check, buildRequest(3, source, unknown)))
  compareUnknown(findings, String(last.company_id), payloads, third)
  return payloads.length + second.length + third.length
}

/** A value of the same form that nobody has. */
const makeUnknown = (one: CompanyIdentifiers['identifiers'][number]) => ({
  ...one,
  value: /^\d+$/.test(one.value) ? `${one.value}00000047` : `${one.value.replace(/\/+$/, '')}-nobody-4711`,
})

/** Null: the run did not come to an end. */
async function crawl(check: Check, request: CompaniesRequest): Promise<Run | null> {
  const { limits, edge, http, findings } = check
  const step = await edge.begin(request.task_id)
  check.runs.push(step)
  await openModuleOf(check, step.token).crawl(request, limits.crawlMs, new AbortController().signal)
  const endedAt = performance.now()
  const isFinished = () => step.calls.some(({ path }) => path === '/crawling-finished')
  const lateAt = endedAt + limits.lateMs
  while (!isFinished() && performance.now() < lateAt) await edge.waitForCall(lateAt - performance.now())
  const refused = judgeCalls(findings, step)
  const where = 'POST /companies'
  const body = judgeAnswer(findings, where, http.last(), { section: '4.3', mayFail: refused })
  const run = judgeRun(findings, where, step, request.companies, { body, at: endedAt, refused })
  const isOver = step.calls.some(({ path, at }) => path === '/crawling-finished' && at <= endedAt)
  return isOver && http.last().failure === null && !refused ? run : null
}
