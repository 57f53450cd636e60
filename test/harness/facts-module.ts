import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onCleanup } from './cleanup.ts'
import { type CrawlErrors, type Json, type ModuleFacts, type Wire, writeJson } from './module-facts.ts'

export type Received = { route: string; authorization: string; body: string }
export type Sent = { path: string; authorization: string; body: string; status: number; answer: Record<string, Json> }

export type FactsModule = {
  /** Goes into data_source.invocation_endpoint. */
  endpoint: string
  /** Calls that reached it, and calls that it made, in order; whoever has looked at them empties them. */
  received: Received[]
  sent: Sent[]
  /** How it crawls from now on. In a bad run one payload at most gets through. */
  behave(run: 'good_run' | 'bad_run', wire: Wire): void
  /** The facts' ids of companies in place of ours and the other way round; an id that neither knows stays. */
  ours(id: string): string
  errors(run: 'good_run' | 'bad_run'): CrawlErrors
}

/**
 * A mining module that does what the facts say, bytes and order included, with the ids of this installation: registers
 * its measurements while it is initialised, finds the companies that the facts speak of and no other, and feeds and
 * finishes before it answers /companies. `companies`: our id of each company of the facts.
 */
export async function startFactsModule(
  facts: ModuleFacts,
  analyticsUrl: string,
  companies: ReadonlyMap<string, string>,
): Promise<FactsModule> {
  const received: Received[] = []
  const sent: Sent[] = []
  let [run, wire]: ['good_run' | 'bad_run', Wire] = ['good_run', 'escaped']
  const theirs = new Map([...companies].map(([id, own]) => [own, id]))
  const ours = (id: string) => companies.get(id) ?? id
  const errors = (of: 'good_run' | 'bad_run') =>
    Object.fromEntries(Object.entries(facts.finish_body[of].errors).map(([id, error]) => [ours(id), error]))

  async function post(path: string, authorization: string, value: Json): Promise<Sent> {
    const body = writeJson(value, wire)
    const headers = { authorization, 'content-type': 'application/json' }
    const answer = await fetch(analyticsUrl + path, { method: 'POST', headers, body })
    const call = { path, authorization, body, status: answer.status, answer: (await answer.json()) as Sent['answer'] }
    sent.push(call)
    return call
  }

  async function initialize(authorization: string, sourceId: number): Promise<string> {
    const ids: number[] = []
    const newest = new Map<string, number>()
    for (const { measurement_name, type, parent } of facts.registration_order) {
      const own = { source_module_id: sourceId, type, measurement_name }
      const value = parent === null ? own : { ...own, parent_measurement_id: newest.get(parent) ?? null }
      const { status, answer } = await post('/source-measurement', authorization, value)
      if (status !== 201) throw new Error(`a registration was answered ${status}: ${JSON.stringify(answer)}`)
      ids.push(answer['id'] as number)
      newest.set(measurement_name, answer['id'] as number)
    }
    return facts.initialize_body_with_ids.replaceAll(
      /('source_measurement_id': )(\d+)/g,
      (_, name: string, nth: string) => name + String(ids[Number(nth) - 1]),
    )
  }

  function discover(id: string): { status: number; body: Json } {
    const identifiers = facts.companies_request.companies?.[theirs.get(id) ?? '']
    const validity = new Date(Date.now() + 180 * 86_400_000).toISOString().replace('Z', '000')
    if (identifiers) return { status: 200, body: { identifiers: { [id]: identifiers }, validity } }
    const { status, body } = facts.discover_nothing_found ?? { status: 404, body: null }
    const [found] = Object.values((body as { identifiers?: Record<string, Json> } | null)?.identifiers ?? {})
    return found === undefined ? { status, body } : { status, body: { identifiers: { [id]: found }, validity } }
  }

  async function crawl(authorization: string, taskId: number): Promise<Sent> {
    const feeds = run === 'good_run' ? facts.payloads : facts.payloads.slice(0, 1)
    for (const [index, raw_data] of feeds.entries()) {
      const company_id = ours(facts.feed_company_ids[index] ?? '')
      await post('/feed-raw-data', authorization, { source_name: facts.source, company_id, raw_data })
    }
    return post('/crawling-finished', authorization, { task_id: taskId, errors: errors(run) })
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://module')
    const route = `${request.method} ${pathname}`
    const { authorization = '' } = request.headers
    const body = await text(request)
    received.push({ route, authorization, body })
    response.setHeader('content-type', 'application/json')
    if (route === 'GET /initialize')
      response.end(await initialize(authorization, Number(searchParams.get('source_id'))))
    else if (route === 'POST /discover' && facts.discover_response) {
      const [{ company_id }] = JSON.parse(body) as [{ company_id: string }]
      const found = discover(company_id)
      response.writeHead(found.status).end(JSON.stringify(found.body))
    } else if (route === 'POST /companies') {
      const finished = await crawl(authorization, (JSON.parse(body) as { task_id: number }).task_id)
      response.writeHead(finished.status).end(JSON.stringify(finished.answer))
    } else response.writeHead(404).end('{"detail":"Not Found"}')
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    sent,
    behave: (nextRun, nextWire) => void ([run, wire] = [nextRun, nextWire]),
    ours,
    errors,
  }
}
