import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

type MapEntry = {
  SourceField: string
  DataType: string
  MeasurementName: string
  NestedMappings?: MapEntry[]
  source_measurement_id?: number
}
export type ModuleMap = { Source: string; Mappings: MapEntry[] }

type Companies = Record<string, Record<string, string[]>>
/** Feeds what a crawl finds. The module finishes the task afterwards. */
export type Crawl = (companies: Companies, feed: Feed, taskId: number) => Promise<void>
type Feed = (companyId: string, rawData: unknown, more?: Record<string, unknown>) => Promise<Response>

export type MiningModule = AsyncDisposable & {
  /** The value of data_source.invocation_endpoint. */
  endpoint: string
  /** How often each route was called. */
  calls: Record<'/initialize' | '/discover' | '/companies', number>
}

/**
 * A mining module that speaks the contract (sections 4 and 5): it registers `map` during the handshake, discovers the
 * identifier `handles: [<company name>]` for every company, and runs `crawl` when the scheduler calls it.
 */
export async function startModule(
  analyticsUrl: () => string,
  map: ModuleMap,
  crawl: Crawl = async () => undefined,
): Promise<MiningModule> {
  const calls = { '/initialize': 0, '/discover': 0, '/companies': 0 }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://module')
    const authorization = request.headers.authorization ?? ''
    const post = (path: string, body: unknown) => postJson(analyticsUrl() + path, authorization, body)
    const reply = (body: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    if (!(pathname in calls)) return void response.writeHead(404).end()
    calls[pathname as keyof typeof calls]++
    if (pathname === '/initialize') {
      const registered = await register(structuredClone(map), Number(searchParams.get('source_id')), post)
      return void reply(JSON.stringify({ frequency: 'weekly', normalization_map: registered }))
    }
    if (pathname === '/discover') {
      const [company] = (await json(request)) as { company_id: string; name: string }[]
      const identifiers = company ? { [company.company_id]: { handles: [company.name] } } : {}
      return void reply({ identifiers, validity: new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, -1) })
    }
    const { task_id, companies } = (await json(request)) as { task_id: number; companies: Companies }
    const feed: Feed = (company_id, raw_data, more) =>
      post('/feed-raw-data', { source_name: map.Source, company_id, raw_data, ...more })
    await crawl(companies, feed, task_id)
    reply(await (await post('/crawling-finished', { task_id, errors: {} })).json())
  }

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

export async function postJson(url: string, authorization: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization }
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(120_000) })
}

async function register(
  map: ModuleMap,
  sourceId: number,
  post: (path: string, body: unknown) => Promise<Response>,
): Promise<ModuleMap> {
  async function walk(entries: MapEntry[], parent?: number): Promise<void> {
    for (const entry of entries) {
      const answer = await post('/source-measurement', {
        ...{ source_module_id: sourceId, type: entry.DataType, measurement_name: entry.MeasurementName },
        ...(parent === undefined ? {} : { parent_measurement_id: parent }),
      })
      if (answer.status !== 201)
        throw new Error(`/source-measurement answered ${answer.status}: ${await answer.text()}`)
      entry.source_measurement_id = ((await answer.json()) as { id: number }).id
      await walk(entry.NestedMappings ?? [], entry.source_measurement_id)
    }
  }
  await walk(map.Mappings)
  return map
}
