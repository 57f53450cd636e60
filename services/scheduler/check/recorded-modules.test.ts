import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { onTestFinished, expect, test } from 'vitest'
import { createHttpClient } from '#runtime/web/http-client.ts'
import { type ModuleFacts, readModuleFacts } from '../../../test/harness/module-facts.ts'
import { sourceId, startRecordingEdge } from '../recording/recording-edge.ts'
import { checkModule } from './check-module.ts'

type Companies = Record<string, Record<string, string[]>>
type Reply = { status: number; body: unknown }

/** Acts as the facts say. A name that the recorded run did not have is an error, as the real modules answer. */
async function startRecorded(facts: ModuleFacts, edgeUrl: string): Promise<string> {
  const asked = facts.companies_request.companies
  const names = (company: string) => Object.values(asked?.[company] ?? {}).flat()

  async function serve(request: IncomingMessage): Promise<Reply> {
    const { pathname } = new URL(request.url ?? '', 'http://module')
    const { authorization = '' } = request.headers
    const post = async (path: string, body: unknown): Promise<{ id: number }> => {
      const headers = { authorization, 'content-type': 'application/json' }
      const response = await fetch(edgeUrl + path, { method: 'POST', headers, body: JSON.stringify(body) })
      return (await response.json()) as { id: number }
    }
    if (pathname === '/initialize') return { status: 200, body: await initialize(facts, post) }
    const body = await json(request)
    if (pathname === '/discover') {
      const [{ company_id }] = body as [{ company_id: string }]
      const found = asked?.[company_id]
      const validity = new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, -1)
      if (found) return { status: 200, body: { identifiers: { [company_id]: found }, validity } }
      return { status: 500, body: 'Internal Server Error' }
    }
    const { task_id, companies } = body as { task_id: number; companies: Companies | null }
    const unknown = Object.entries(companies ?? {}).filter(
      ([id, own]) =>
        !Object.values(own)
          .flat()
          .every((one) => names(id).includes(one)),
    )
    const lost = new Set(unknown.map(([id]) => id))
    for (const [index, raw_data] of facts.payloads.entries()) {
      const company_id = facts.feed_company_ids[index]!
      if (!lost.has(company_id)) await post('/feed-raw-data', { source_name: facts.source, company_id, raw_data })
    }
    const error = { error_type: 'CrawlingError', error_description: 'not found' }
    const errors = { ...facts.finish_body.good_run.errors, ...Object.fromEntries([...lost].map((id) => [id, error])) }
    return { status: 200, body: await post('/crawling-finished', { task_id, errors }) }
  }

  const server = createServer((request, response) => {
    void serve(request).then(({ status, body }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Registers all measurements. The recorded ids are 1, 2, 3 … in the order of registration. */
async function initialize(facts: ModuleFacts, post: (path: string, body: unknown) => Promise<{ id: number }>) {
  const ids: number[] = []
  const newest = new Map<string, number>()
  for (const { measurement_name, type, parent } of facts.registration_order) {
    const own = { source_module_id: sourceId, type, measurement_name }
    const { id } = await post(
      '/source-measurement',
      parent === null ? own : { ...own, parent_measurement_id: newest.get(parent) },
    )
    newest.set(measurement_name, id)
    ids.push(id)
  }
  const text = JSON.parse(facts.initialize_body_with_ids) as string
  return text.replaceAll(
    /('source_measurement_id': )(\d+)/g,
    (_, before: string, n: string) => before + ids[Number(n) - 1],
  )
}

test.each(readModuleFacts().filter(({ source }) => source !== 'made'))(
  'the recorded module $source passes',
  async (facts) => {
    const edge = await startRecordingEdge('127.0.0.1', 0, 'secret')
    onTestFinished(() => edge.close())
    const endpoint = await startRecorded(facts, edge.url)
    await using http = createHttpClient({ allowedPrivateNetworks: ['127.0.0.0/8'] })
    const limits = { handshakeMs: 5000, discoverMs: 5000, crawlMs: 5000, lateMs: 500, maxAnswerBytes: 1024 * 1024 }
    const companies = Object.keys(facts.companies_request.companies ?? {}).map((id) => `Company ${id}`)
    const checked = await checkModule({
      asked: { endpoint, companies, identifiers: [] },
      limits,
      edge,
      http,
      now: Date.now,
    })
    expect(checked.findings.defects).toEqual([])
    expect(checked.findings.skipped).toEqual([])
    expect(checked.payloads).toBeGreaterThanOrEqual(2 * facts.payloads.length)
  },
)
