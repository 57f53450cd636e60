import { randomUUID } from 'node:crypto'
import { type Initialized, InitializeError, readInitialize } from '#runtime/module/read-initialize.ts'
import { EncodingError, readText } from '#runtime/text/read-text.ts'
import { type HttpClient, HttpClientError } from '#runtime/web/http-client.ts'
import { moduleUrl } from '#runtime/web/module-url.ts'
import { mintToken, type TokenSecrets } from '#runtime/web/token.ts'
import type { Source } from '../access/sources.ts'
import { HttpError, unavailable } from '../http/http-error.ts'

/**
 * Calls the /initialize of a source's module. Rejects with an HttpError: 502 if the call or the response is unusable.
 */
export type Initialize = (source: Source) => Promise<Initialized>

export type InitializeOptions = {
  timeoutMs: number
  maxAnswerBytes: number
  /** Aborts calls under way. */
  stopping: AbortSignal
}

/** Lifetime of the token that the module gets: the 30 minutes that modules are used to. */
const lifetimeSeconds = 1800

export function createInitialize(http: HttpClient, secrets: TokenSecrets, options: InitializeOptions): Initialize {
  const { timeoutMs, maxAnswerBytes: maxBytes, stopping: signal } = options
  return async ({ id, endpoint }) => {
    const token = await mintToken({ sourceId: id, jti: randomUUID(), now: Date.now(), lifetimeSeconds }, secrets)
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    try {
      const url = addressOf(endpoint, id)
      const { status, body } = await http.request({ method: 'GET', url, headers, timeoutMs, maxBytes, signal })
      if (status !== 200) throw new InitializeError(`/initialize answered ${status}`)
      return readInitialize(readAnswer(body))
    } catch (error) {
      if (error instanceof HttpClientError && error.reason === 'aborted')
        throw unavailable('This server is shutting down.', error)
      if (!(error instanceof HttpClientError || error instanceof InitializeError)) throw error
      const detail = `Failed to initialize the data source: ${error.message.slice(0, 500)}`
      throw new HttpError(502, detail, {}, { cause: error })
    }
  }
}

/** parma-web stores as an address whatever it is given. */
function addressOf(endpoint: string, id: number): string {
  try {
    return moduleUrl(endpoint, 'initialize', { source_id: id })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new InitializeError(error.message)
  }
}

function readAnswer(body: Buffer): string {
  try {
    return readText(body)
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error
    throw new InitializeError(`the answer is ${error.message}`)
  }
}
