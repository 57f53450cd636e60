import { randomUUID } from 'node:crypto'
import { finished } from 'node:stream'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import helmet from 'helmet'
import { Counter, Histogram } from 'prom-client'
import { traceIdOf } from '#runtime/observe/traceparent.ts'
import { startSpan } from '#runtime/observe/tracing.ts'
import type { Log } from '#runtime/process/log.ts'
import { classify } from '#runtime/calls/retry.ts'
import { errorPage, isConsolePath } from '../design/error-page.ts'
import type { SentForm } from '../http/form.ts'
import { withTag } from '../http/etag.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import { answersProblemJson, problem } from '../http/problem.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { authorize, type AuthorizeDeps, noteViewer, signedInOf } from './authorize.ts'
import type { BodyReader } from './body.ts'
import { addressOf } from './limits.ts'
import { answersPage, isTagged, type Route, type RouteRequest } from './route.ts'

const answered = new Counter({
  name: 'parma_http_answers_total',
  help: 'Responses by route and status',
  labelNames: ['route', 'status'] as const,
})
const duration = new Histogram({
  name: 'parma_http_duration_seconds',
  help: 'Time from the headers of a request to the end of its response, by route',
  labelNames: ['route'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
})

/** Whether errors of the response’s route are pages. */
const answersPages = 'answersPages'
/** What the handler of the response’s route gets. */
const asked = 'asked'

export type AppDeps = AuthorizeDeps & {
  bodies: BodyReader
  /** The form that was sent to `url`, so that a page can offer to send it again; null: it cannot be. */
  keepForm(request: RouteRequest, url: string): Promise<SentForm | null>
  /** Number of proxies in front whose X-Forwarded-For is trusted. */
  trustProxy: number
  /** How long a client may take to receive a response. */
  responseTimeoutMs: number
  log: Log
}

/**
 * Serves `routes` with the statuses and bodies of contract section 3, errors included. Errors under /api/v1 are
 * problems (problem.ts), those of pages are pages (design/error-page.ts). No response shows a stack trace.
 */
export function createApp(routes: readonly Route[], deps: AppDeps): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', false)
  app.set('trust proxy', deps.trustProxy)
  app.use(helmet(), cutSlowReaders(deps.responseTimeoutMs))
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path)
    const methods = new Map(here.map((route) => [route.method.toUpperCase(), serve(route, deps)]))
    const isPage = here.some(answersPage)
    app.all(path, measure(path), (request, response, next) => {
      response.locals[answersPages] = isPage
      // Express would answer HEAD by running GET, with its side effects.
      const handle = methods.get(request.method)
      if (!handle) throw new HttpError(405, 'Method Not Allowed', { allow: [...methods.keys()].join(', ') })
      return handle(request, response, next)
    })
  }
  app.use(async (request, response) => {
    if (isConsolePath(request.path)) await noteViewer(request, response, deps)
    throw new HttpError(404, 'Not Found')
  })
  app.use(respondToError(deps))
  return app
}

function serve(route: Route, deps: AppDeps): RequestHandler {
  return async (request, response) => {
    const span = startSpan(`${request.method} ${route.path}`, {
      ...{ kind: 'server', parent: request.get('traceparent') },
      attributes: { 'http.request.method': request.method, 'http.route': route.path },
    })
    response.on('close', () => {
      const { statusCode: status } = response
      const attributes = { 'http.response.status_code': status }
      span.end({ attributes, error: status >= 500 ? String(status) : undefined })
    })
    let body: Promise<Buffer> | undefined
    const routeRequest: RouteRequest = {
      headers: request.headers,
      query: Object.fromEntries(new URLSearchParams(/\?.*/.exec(request.url)?.[0])),
      params: request.params as Record<string, string>,
      traceparent: span.traceparent,
      key: randomUUID(),
      address: addressOf(request),
      readBody: () => (body ??= deps.bodies.readBody(request)),
      receiveBody: (maxBytes, take) => deps.bodies.receiveBody(request, maxBytes, take),
    }
    response.locals[asked] = routeRequest
    const handle = await authorize(route, request, response, deps)
    const made = await handle(routeRequest)
    send(response, isTagged(route) && made.status === 200 ? withTag(request.headers, made) : made)
  }
}

/**
 * Some clients read the response only after they have sent the whole request, so its rest is received before the end.
 */
function send(response: Response, { status, headers, body }: RouteResponse): void {
  // The length that belongs to a 304 is that of the body which the caller has.
  const length = status === 304 ? {} : { 'content-length': Buffer.byteLength(body ?? '') }
  response.writeHead(status, { ...headers, ...length })
  if (response.req.complete) return void response.end(body)
  response.flushHeaders()
  response.write(body ?? '')
  finished(response.req.resume(), () => response.end())
}

function respondToError({ log, keepForm }: Pick<AppDeps, 'log' | 'keepForm'>): ErrorRequestHandler {
  // Express recognises an error handler by its four parameters.
  return async (error: unknown, request: Request, response: Response, _next) => {
    if (response.headersSent) return void response.destroy()
    const httpError = toHttpError(error)
    const logged = { method: request.method, path: request.path, trace_id: traceIdOf(request.get('traceparent')) }
    if (!httpError) {
      log.error({ ...logged, error }, 'request_failed')
      return send(response, await toResponse(unexpected, request, response, keepForm))
    }
    const { status, detail, cause } = httpError
    const level = status >= 500 ? 'warn' : 'debug'
    log[level]({ ...logged, status, detail, error: cause }, 'request_refused')
    send(response, await toResponse(httpError, request, response, keepForm))
  }
}

/** In the form of its path: a page for people, a problem under /api/v1, else that of the predecessor. */
async function toResponse(
  error: HttpError,
  request: Request,
  response: Response,
  keepForm: AppDeps['keepForm'],
): Promise<RouteResponse> {
  const { path, method, originalUrl } = request
  if (response.locals[answersPages] === true || isConsolePath(path)) {
    const routed = response.locals[asked] as RouteRequest | undefined
    const sent = routed && method === 'POST' && error.status >= 500 ? await keepForm(routed, originalUrl) : null
    return errorPage(error, { path, method, viewer: signedInOf(response), sent, referer: request.get('referer') })
  }
  if (answersProblemJson(path)) return problem(error, path)
  if (error === unexpected) return internalServerError
  return json(error.status, { detail: error.detail }, error.headers)
}

const internalServerError = {
  status: 500,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: 'Internal Server Error',
}
const unexpected = new HttpError(500, 'Internal Server Error')

function toHttpError(error: unknown): HttpError | null {
  if (error instanceof HttpError) return error
  if (classify(error) === 'transient') return unavailable('Part of the system is not available.', error)
  // Express throws it for a path that is not URL-encoded text.
  if (error instanceof URIError) return new HttpError(404, 'Not Found')
  return null
}

/** Closes connections whose clients take too long to receive a response, because it is kept in memory until then. */
function cutSlowReaders(timeoutMs: number): RequestHandler {
  return (_request, response, next) => {
    response.on('prefinish', () => {
      const timer = setTimeout(() => response.destroy(), timeoutMs).unref()
      response.on('close', () => clearTimeout(timer))
    })
    next()
  }
}

function measure(route: string): RequestHandler {
  return (_request, response, next) => {
    const end = duration.startTimer({ route })
    response.on('close', () => {
      end()
      answered.inc({ route, status: response.statusCode })
    })
    next()
  }
}
