import { text } from 'node:stream/consumers'
import { type CrawlErrors, type Json, type ModuleFacts, type Wire, writeJson } from './module-facts.ts'
import { serve } from './serve.ts'

type Received = { route: string; authorization: string; body: string }
type Sent = { path: string; authorization: string; body: string; status: number; answer: Record<string, Json> }

type Run = 'good_run' | 'bad_run'
type Manner = { run: Run; wire: Wire }
type Post = (path: string, authorization: string, value: Json) => Promise<Sent>

export type FactsModule = {
  /** The value of data_source.invocation_endpoint. */
  endpoint: string
  /** Calls that it got, and calls that it made, in order. A test empties both when it has looked at them. */
  received: Received[]
  sent: Sent[]
  /** Sets how it crawls. A bad run feeds one payload at most. */
  behave(run: Run, wire: Wire): void
  /** Our id of a company of the facts; an id that is not in the facts stays. */
  ours(id: string): string
  errors(run: Run): CrawlErrors
}

/**
 * A mining module that acts as the facts say, bytes and order included, with the ids of this installation: it
 * registers its measurements during the handshake, discovers the companies in the facts and no others, and feeds and
 * finishes before it answers /companies. `companies`: our id of each company in the facts.
 */
export async function startFactsModule(
  facts: ModuleFacts,
  analyticsUrl: string,
  companies: ReadonlyMap<string, string>,
): Promise<FactsModule> {
  const received: Received[] = []
  const sent: Sent[] = []
  const ours = (id: string) => companies.get(id) ?? id
  const errors = (of: Run) =>
    Object.fromEntries(Object.entries(facts.finish_body[of].errors).map(([id, error]) => [ours(id), error]))
  const manner: Manner = { run: 'good_run', wire: 'escaped' }
  const theirs = new Map([...companies].map(([id, own]) => [own, id]))
  const post: Post = async (path, authorization, value) => {
    const body = writeJson(value, manner.wire)
    const headers = { authorization, 'content-type': 'application/json' }
    const answer = await fetch(analyticsUrl + path, { method: 'POST', headers, body })
    const call = { path, authorization, body, status: answer.status, answer: (await answer.json()) as Sent['answer'] }
    sent.push(call)
    return call
  }

  const endpoint = await serve(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://module')
    const route = `${request.method} ${pathname}`
    const { authorization = '' } = request.headers
    const body = await text(request)
    received.push({ route, authorization, body })
    response.setHeader('content-type', 'application/json')
    if (route === 'GET /initialize') {
      response.end(await initialize(facts, Number(searchParams.get('source_id')), authorization, post))
    } else if (route === 'POST /discover' && facts.discover_response) {
      const [{ company_id }] = JSON.parse(body) as [{ company_id: string }]
      const found = discover(facts, company_id, theirs.get(company_id) ?? '')
      response.writeHead(found.status).end(JSON.stringify(found.body))
    } else if (route === 'POST /companies') {
      await crawl(facts, manner.run, ours, authorization, post)
      const { task_id } = JSON.parse(body) as { task_id: number }
      const finished = await post('/crawling-finished', authorization, { task_id, errors: errors(manner.run) })
      response.writeHead(finished.status).end(JSON.stringify(finished.answer))
    } else response.writeHead(404).end('{"detail":"Not Found"}')
  })
  return { endpoint, received, sent, behave: (run, wire) => void Object.assign(manner, { run, wire }), ours, errors }
}

/** Registers all measurements and returns the body of the answer, with the ids they got. */
async function initialize(facts: ModuleFacts, sourceId: number, authorization: string, post: Post): Promise<string> {
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

/** The answer about the company with the id `ours`; `theirs` is its id in the facts. */
function discover(facts: ModuleFacts, ours: string, theirs: string): { status: number; body: Json } {
  const identifiers = facts.companies_request.companies?.[theirs]
  const validity = new Date(Date.now() + 180 * 86_400_000).toISOString().replace('Z', '000')
  if (identifiers) return { status: 200, body: { identifiers: { [ours]: identifiers }, validity } }
  const { status, body } = facts.discover_nothing_found ?? { status: 404, body: null }
  const [found] = Object.values((body as { identifiers?: Record<string, Json> } | null)?.identifiers ?? {})
  return found === undefined ? { status, body } : { status, body: { identifiers: { [ours]: found }, validity } }
}

async function crawl(
  facts: ModuleFacts,
  run: Run,
  ours: (id: string) => string,
  authorization: string,
  post: Post,
): Promise<void> {
  const feeds = run === 'good_run' ? facts.payloads : facts.payloads.slice(0, 1)
  for (const [index, raw_data] of feeds.entries()) {
    const company_id = ours(facts.feed_company_ids[index] ?? '')
    await post('/feed-raw-data', authorization, { source_name: facts.source, company_id, raw_data })
  }
}
