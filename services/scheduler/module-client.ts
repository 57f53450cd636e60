import { EncodingError, readText } from '#runtime/text/read-text.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { type HttpClient, HttpClientError, type HttpFailure } from '#runtime/web/http-client.ts'
import { moduleUrl } from '#runtime/web/module-url.ts'
import type { CompaniesRequest } from './build-request.ts'
import { type Discovery, readDiscovery } from './read-discovery.ts'

/** How the call of a run ended. `reached`: the module got it and may work on although the connection broke off. */
export type CallResult = { error: string | null; reached: boolean }

/** A mining module during one run (contract section 4). A wrong or missing answer is a result, never an exception. */
export type Module = {
  discover(company: { company_id: number; name: string }): Promise<Discovery>
  /** Resolves when the module has crawled and finished, after `timeoutMs` or when `over` aborts at the latest. */
  crawl(request: CompaniesRequest, timeoutMs: number, over: AbortSignal): Promise<CallResult>
}

export type ModuleOptions = {
  endpoint: string
  token: string
  discoverTimeoutMs: number
  maxAnswerBytes: number
  /** Aborts all calls. */
  signal: AbortSignal
}

const neverReached = new Set<HttpFailure>(['bad-url', 'address-refused', 'name-not-found', 'connect', 'tls'])

/** Opens a module for one run. */
export function openModule(http: HttpClient, options: ModuleOptions): Module {
  const { endpoint, token, discoverTimeoutMs, maxAnswerBytes, signal } = options

  async function post(route: string, body: unknown, timeoutMs: number, over?: AbortSignal) {
    const { status, body: answered } = await http.request({
      method: 'POST',
      url: addressOf(endpoint, route),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      timeoutMs,
      maxBytes: maxAnswerBytes,
      signal: over ? AbortSignal.any([signal, over]) : signal,
    })
    const ok = status >= 200 && status < 300
    return { answered, error: ok ? null : `/${route} answered ${status}: ${excerpt(answered.toString('utf8'), 200)}` }
  }

  return {
    async discover({ company_id, name }) {
      try {
        const asked = [{ company_id: String(company_id), name }]
        const { answered, error } = await post('discover', asked, discoverTimeoutMs)
        return error === null ? readDiscovery(readText(answered), company_id) : { verdict: 'failed', reason: error }
      } catch (error) {
        if (error instanceof EncodingError)
          return { verdict: 'failed', reason: `the answer of /discover is ${error.message}` }
        return { verdict: 'failed', reason: explain('discover', error).error }
      }
    },
    async crawl(request, timeoutMs, over) {
      try {
        const { error } = await post('companies', request, timeoutMs, over)
        return { error, reached: true }
      } catch (error) {
        return explain('companies', error)
      }
    },
  }
}

function addressOf(endpoint: string, route: string): string {
  try {
    return moduleUrl(endpoint, route)
  } catch (error) {
    throw new HttpClientError('bad-url', (error as Error).message)
  }
}

function explain(route: string, error: unknown): { error: string; reached: boolean } {
  if (!(error instanceof HttpClientError)) throw error
  return { error: `/${route}: ${error.message}`, reached: !neverReached.has(error.reason) }
}
