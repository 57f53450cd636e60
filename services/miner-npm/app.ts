import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express'
import { decodeJwt, jwtVerify } from 'jose'
import { z } from 'zod'
import { dayMs } from '#runtime/text/time.ts'
import { AnalyticsError, type ConnectAnalytics } from './analytics.ts'
import { crawl, type Miner } from './crawl.ts'
import { findPackages } from './discover.ts'
import { mappings } from './map.ts'
import { printPython, type Json } from './print-python.ts'
import { registerAll } from './register.ts'

const initializeQuery = z.object({ source_id: z.coerce.number().int() })
const discoverBody = z.array(z.object({ company_id: z.string(), name: z.string() }))
const companiesBody = z.object({
  task_id: z.number().int(),
  companies: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
})
const registered = z.object({ id: z.number().int() })

/** The largest request: the identifiers of some ten thousand companies. */
const maxBodyBytes = 1024 * 1024

const validityMs = 180 * dayMs

/**
 * The three routes of a mining module (contract section 4). They ask for a token. `own`: the packages that are mined.
 */
export function createApp(miner: Miner, own: Set<string>, connect: ConnectAnalytics): Express {
  const { config, log } = miner
  const app = express()
  app.disable('x-powered-by')
  app.use(requireToken(config.PARMA_SHARED_SECRET_KEY))
  app.use(express.json({ limit: maxBodyBytes }))

  app.get('/initialize', async (request, response) => {
    const { source_id } = initializeQuery.parse(request.query)
    const post = connect(authorizationOf(response))
    const entries = await registerAll(mappings, source_id, async (measurement) => {
      const answer = registered.safeParse(await post('/source-measurement', measurement))
      if (!answer.success) throw new AnalyticsError('/source-measurement answered without an id')
      return answer.data.id
    })
    const map = { Source: config.MINER_SOURCE_NAME, Mappings: entries }
    log.info({ source_id, mapped: mappings.length }, 'initialized')
    // A JSON string with JSON text in it, whose map is a Python literal: all modules answer so (contract section 4.1).
    response.json(JSON.stringify({ frequency: 'daily', normalization_map: printPython(map as unknown as Json) }))
  })

  app.post('/discover', (request, response) => {
    const companies = discoverBody.parse(request.body)
    response.json({
      identifiers: Object.fromEntries(
        companies.map(({ company_id, name }) => [company_id, { packages: findPackages(name, own) }]),
      ),
      validity: new Date(Date.now() + validityMs).toISOString().replace('Z', ''),
    })
  })

  app.post('/companies', async (request, response) => {
    const { task_id, companies } = companiesBody.parse(request.body)
    const post = connect(authorizationOf(response))
    const errors = await crawl(miner, { post, sourceId: sourceOf(response) }, companies)
    log.info({ task_id, companies: Object.keys(companies).length, errors }, 'crawled')
    response.json(await post('/crawling-finished', { task_id, errors }))
  })

  app.use((_request, response) => void response.status(404).json({ detail: 'Not Found' }))
  app.use(answerError(miner))
  return app
}

function requireToken(secret: string): RequestHandler {
  const key = new TextEncoder().encode(secret)
  return async (request, response, next) => {
    const authorization = request.headers.authorization ?? ''
    try {
      const { payload } = await jwtVerify(authorization.replace(/^Bearer /, ''), key, {
        algorithms: ['HS256'],
        requiredClaims: ['exp', 'sourcing_id'],
      })
      response.locals.authorization = authorization
      response.locals.inner = payload.sourcing_id
    } catch {
      response.status(401).json({ detail: 'Invalid or expired token' })
      return
    }
    next()
  }
}

function authorizationOf(response: Response): string {
  return String(response.locals.authorization)
}

/** The source that the token is for, unchecked: only parma-analytics can check the inner token. */
function sourceOf(response: Response): string {
  try {
    return String(decodeJwt(String(response.locals.inner)).sourcing_id)
  } catch {
    return ''
  }
}

function answerError({ log }: Miner): ErrorRequestHandler {
  return (error: Error & { status?: number }, _request, response, next) => {
    if (response.headersSent) return next(error)
    if (error instanceof z.ZodError) return void response.status(422).json({ detail: z.prettifyError(error) })
    const status = error.status ?? 500
    if (status >= 500) log.error({ error }, 'request_failed')
    const isSayable = status < 500 || error instanceof AnalyticsError
    response.status(status).json({ detail: isSayable ? error.message : 'Internal Server Error' })
  }
}
