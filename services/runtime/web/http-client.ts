import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, request as send } from 'undici'
import { createAddressJudge } from './ip-allow-list.ts'

export type HttpClientOptions = {
  /** Networks (CIDR) outside of the public internet that may be called all the same. */
  allowedPrivateNetworks: readonly string[]
  /** Hosts (`name` or `name:port`) that may be called with http://; unless given, all may. */
  httpHosts?: readonly string[] | undefined
  /** PEM of a private authority that signs certificates, beside the well-known ones. */
  ca?: string | undefined
  connectTimeoutMs?: number
  /** Names to addresses; the system's unless given. */
  lookup?: LookupFunction
}

export type HttpRequest = {
  method: 'GET' | 'POST'
  url: string
  headers?: Record<string, string>
  body?: string
  /** From the first name look-up to the last byte of the answer. */
  timeoutMs: number
  /** A longer answer is refused. */
  maxBytes: number
  /**
   * The caller needs the status: a redirect is an answer too, and of a body that is longer than `maxBytes`, breaks off
   * or does not end in time, the answer has the beginning.
   */
  statusDecides?: true
  signal?: AbortSignal
}

export type HttpAnswer = { status: number; headers: Dispatcher.ResponseData['headers']; body: Buffer }

/** Why there is no answer: a closed list. */
export type HttpFailure =
  | 'bad-url'
  | 'address-refused'
  | 'name-not-found'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'redirect'
  | 'too-large'
  | 'broken'
  | 'aborted'

/** There is no answer that may be used. The message says why, for people. */
export class HttpClientError extends Error {
  readonly reason: HttpFailure
  constructor(reason: HttpFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HttpClientError'
    this.reason = reason
  }
}

export type HttpClient = AsyncDisposable & {
  /** Any status but a redirect is an answer; rejects with an HttpClientError, and with nothing else. */
  request(request: HttpRequest): Promise<HttpAnswer>
}

/**
 * The one way out to addresses that other people chose. Every address is judged when the connection is made, so a name
 * that resolves differently the second time is judged again. Follows no redirect, verifies certificates, ends at its
 * deadline and at its size, sends no header of its own accord but `connection: close`.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const {
    allowedPrivateNetworks,
    httpHosts,
    ca,
    connectTimeoutMs: timeout = 5000,
    lookup = systemLookup as LookupFunction,
  } = options
  const mayCall = createAddressJudge(allowedPrivateNetworks)
  const guarded = { timeout, allowH2: false, rejectUnauthorized: true, lookup: guardLookup(lookup, mayCall) }
  const trusted = ca ? { ca: [...getCACertificates(), ca] } : {}
  const connect = buildConnector({ ...guarded, ...trusted } as buildConnector.BuildOptions)
  const agent = new Agent({
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(target, done) {
      // Node asks no look-up for what is an address already.
      const address = target.hostname.replace(/^\[|\]$/g, '')
      if (isIP(address) && !mayCall(address)) done(refusal(address, [address]), null)
      else connect(target, done)
    },
  })

  return {
    async request({ method, url, headers = {}, body, timeoutMs, maxBytes, statusDecides, signal }) {
      const deadline = AbortSignal.timeout(timeoutMs)
      const ending = signal ? AbortSignal.any([signal, deadline]) : deadline
      try {
        const answer = await send(readUrl(url, httpHosts), {
          dispatcher: agent,
          method,
          headers,
          body: body ?? null,
          signal: ending,
        })
        const read = statusDecides ? readBeginning : readBody
        return { status: answer.statusCode, headers: answer.headers, body: await read(answer, maxBytes) }
      } catch (error) {
        if (error instanceof HttpClientError) throw error
        if (signal?.aborted) throw new HttpClientError('aborted', 'the call was given up', { cause: error })
        if (deadline.aborted)
          throw new HttpClientError('timeout', `no complete answer within ${timeoutMs} ms`, { cause: error })
        throw explain(error as Coded)
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

function readUrl(text: string, httpHosts: readonly string[] | undefined): URL {
  const url = URL.parse(text)
  if (!url) throw new HttpClientError('bad-url', `${text} is not a URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new HttpClientError('bad-url', `${url.protocol}// is not called: only http:// and https://`)
  if (url.protocol === 'http:' && httpHosts && !httpHosts.some((host) => host === url.host || host === url.hostname))
    throw new HttpClientError(
      'bad-url',
      `http://${url.host} is not called: use https://, or name the host in ALLOWED_HTTP_MODULES`,
    )
  if (url.username || url.password)
    throw new HttpClientError('bad-url', 'a URL with a user name or password is not called')
  return url
}

/** Names resolve to the addresses that may be called; to an error when there is none. */
function guardLookup(lookup: LookupFunction, mayCall: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) =>
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const all = found as unknown as LookupAddress[]
      if (error) return done(error, [])
      const good = all.filter(({ address }) => mayCall(address))
      const [first] = good
      if (!first)
        return done(
          refusal(
            hostname,
            all.map(({ address }) => address),
          ),
          [],
        )
      if (options.all) done(null, good)
      else done(null, first.address, first.family)
    })
}

function refusal(host: string, addresses: string[]): HttpClientError {
  const what = addresses.join(', ') || 'no address'
  return new HttpClientError(
    'address-refused',
    `${host === what ? what : `${host} (${what})`} is not in the public internet: ` +
      'if it is to be called, ALLOWED_PRIVATE_NETWORKS must contain its network',
  )
}

async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const refuse = (error: HttpClientError): never => {
    body.on('error', () => undefined).destroy()
    throw error
  }
  if (statusCode >= 300 && statusCode < 400)
    refuse(new HttpClientError('redirect', `answered ${statusCode} with another address, which is not followed`))
  const tooLarge = () => new HttpClientError('too-large', `answered more than ${maxBytes} bytes`)
  if (Number(headers['content-length'] ?? 0) > maxBytes) refuse(tooLarge())
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) refuse(tooLarge())
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/** What comes of a body, at most `maxBytes`. */
async function readBeginning({ body }: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      chunks.push(chunk)
      if (size >= maxBytes) break
    }
  } catch {
    // The status and the headers are there.
  }
  body.on('error', () => undefined).destroy()
  return Buffer.concat(chunks).subarray(0, maxBytes)
}

/** `reason`: what OpenSSL says in its own message, without its thread and source line. */
type Coded = Error & { code?: string; reason?: string }

const connectCodes =
  /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/
const tlsCodes = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH$|INVALID_CA$)/

function explain(error: Coded): HttpClientError {
  // Where a name has several addresses, Node tries them all and gathers what each said.
  const {
    code = '',
    message,
    reason: said = message,
  } = error instanceof AggregateError && error.errors[0] ? (error.errors[0] as Coded) : error
  const reason: HttpFailure =
    code === 'ENOTFOUND' || code.startsWith('EAI_')
      ? 'name-not-found'
      : connectCodes.test(code)
        ? 'connect'
        : tlsCodes.test(code)
          ? 'tls'
          : 'broken'
  return new HttpClientError(reason, reason === 'tls' ? `no TLS connection: ${said}` : message, { cause: error })
}
