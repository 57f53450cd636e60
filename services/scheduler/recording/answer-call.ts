import { tryJson } from '#runtime/read/try-json.ts'
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { jwtVerify } from 'jose'
import { z } from 'zod'
import type { TokenSecrets } from '#runtime/web/token.ts'

export type EdgeAnswer = { status: number; body: unknown }

/** A measurement as the module registered it. */
type Registered = { id: number; type: string; measurement_name: string; parent: number | null; times: number }
export type EdgeState = { secrets: TokenSecrets; sourceId: number; measurements: Registered[]; tasks: Set<number> }

type Call = { method: string; path: string; headers: IncomingHttpHeaders; text: string }

const lenientInt = z.union([
  z.int(),
  z
    .string()
    .regex(/^\s*[-+]?\d+\s*$/)
    .transform(Number),
])

const bodies = {
  '/source-measurement': z.object({
    type: z.string(),
    measurement_name: z.string(),
    source_module_id: lenientInt,
    parent_measurement_id: lenientInt.nullable().default(null),
  }),
  '/feed-raw-data': z.object({
    source_name: z.string(),
    company_id: z.string(),
    raw_data: z.record(z.string(), z.unknown()),
  }),
  '/crawling-finished': z.object({
    task_id: lenientInt,
    errors: z
      .record(z.string(), z.object({ error_type: z.string(), error_description: z.string().nullable() }))
      .nullable()
      .default(null),
  }),
}
type Route = keyof typeof bodies

/** Which routes of the edge modules call. */
export const edgeRoutes = Object.keys(bodies) as Route[]

/** The edge's answer to a call, word for word (contract sections 2 and 3). */
export async function answerCall(state: EdgeState, { method, path, headers, text }: Call): Promise<EdgeAnswer> {
  if (path === '/' && method === 'GET') return { status: 200, body: { welcome: 'at parma-analytics' } }
  if (!Object.hasOwn(bodies, path)) return { status: 404, body: { detail: 'Not Found' } }
  if (method !== 'POST') return { status: 405, body: { detail: 'Method Not Allowed' } }
  const refused = await checkToken(state, headers.authorization)
  if (refused) return refused
  const json = tryJson(text)
  if (json === undefined)
    return {
      status: 422,
      body: { detail: [{ type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error', input: {} }] },
    }
  if (path === '/source-measurement') return take(bodies[path], json, (body) => register(state, body))
  if (path === '/feed-raw-data') return take(bodies[path], json, feed)
  return take(bodies['/crawling-finished'], json, (body) => finish(state, body))
}

function take<T>(schema: z.ZodType<T>, json: unknown, answer: (body: T) => EdgeAnswer): EdgeAnswer {
  const read = schema.safeParse(json)
  if (read.success) return answer(read.data)
  const detail = read.error.issues.map(({ code, path, message }) => ({
    ...{ type: code, loc: ['body', ...path], msg: message, input: null },
  }))
  return { status: 422, body: { detail } }
}

/** Section 2: the cases in their order, and their words. */
async function checkToken({ secrets, sourceId }: EdgeState, header: string | undefined): Promise<EdgeAnswer | null> {
  if (header === undefined || header === '')
    return { status: 401, body: { detail: 'Authorization header is required!' } }
  const outer = await verify(header.replace(/^Bearer /, ''), secrets.shared)
  if (!outer) return { status: 401, body: { detail: 'Invalid shared token or expired token' } }
  if (!outer.sourcing_id) return { status: 400, body: { detail: 'Authorization token not found in shared token' } }
  const inner = await verify(String(outer.sourcing_id), secrets.analytics)
  if (!inner) return { status: 401, body: { detail: 'Invalid authorization token or expired token' } }
  return Number(inner.sourcing_id) === sourceId
    ? null
    : { status: 400, body: { detail: 'source_id not found in authorization token' } }
}

async function verify(token: string, secret: string): Promise<Record<string, unknown> | null> {
  try {
    return (await jwtVerify(token, new TextEncoder().encode(secret), { algorithms: ['HS256'] })).payload
  } catch {
    return null
  }
}

function register(state: EdgeState, body: z.output<(typeof bodies)['/source-measurement']>): EdgeAnswer {
  const { type, measurement_name, source_module_id, parent_measurement_id: parent } = body
  if (source_module_id !== state.sourceId)
    return {
      status: 403,
      body: { detail: `source_module_id ${source_module_id} does not belong to the source of the token` },
    }
  if (parent !== null && !state.measurements.some(({ id }) => id === parent))
    return {
      status: 403,
      body: { detail: `parent_measurement_id ${parent} does not belong to the source of the token` },
    }
  const known = state.measurements.find((one) => one.measurement_name === measurement_name && one.parent === parent)
  if (known) known.times++
  const one = known ?? { id: 101 + state.measurements.length, type, measurement_name, parent, times: 1 }
  if (!known) state.measurements.push(one)
  return { status: 201, body: { id: one.id, creation_msg: 'Source Measurement successfully created' } }
}

function feed({ source_name, company_id, raw_data }: z.output<(typeof bodies)['/feed-raw-data']>): EdgeAnswer {
  const about = { source_name, company_id, raw_data, timestamp: new Date().toISOString().replace('Z', '000') }
  return { status: 201, body: { ...about, return_message: 'Raw data received and saved. ', document_id: randomUUID() } }
}

function finish(
  { tasks }: EdgeState,
  { task_id, errors }: z.output<(typeof bodies)['/crawling-finished']>,
): EdgeAnswer {
  if (!tasks.has(task_id)) {
    const detail = `Error setting task ${task_id} status to success: Task not found!`
    return { status: 500, body: { detail } }
  }
  return { status: 201, body: { task_id, errors, return_message: 'Notified about crawling finished' } }
}
