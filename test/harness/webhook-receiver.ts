import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createCounter, type Fate, type HttpCall, startFaultyServer } from './faulty-server.ts'

type Hook = { path: string; id: string; timestamp: number; body: unknown }

export type WebhookReceiver = {
  /** The address of a receiver: any path is one. */
  url(path: string): string
  /** The shared secret, `whsec_…`. */
  secret: string
  /** Every call with a right signature, in order. A repeated one has the same id. */
  hooks: Hook[]
  /** The distinct messages of a path. */
  messagesAt(path: string): Hook[]
  calls(path: string): number
  /** Why calls were not accepted. */
  refusals: string[]
}

const toleranceSeconds = 5 * 60

/**
 * Accepts only webhooks that are signed by the Standard Webhooks scheme.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * `decide`: the nth call (from 0) of a path.
 */
export async function startWebhookReceiver(
  decide: (path: string, nth: number) => Fate = () => 'pass',
): Promise<WebhookReceiver> {
  const key = randomBytes(32)
  const hooks: Hook[] = []
  const refusals: string[] = []
  const counter = createCounter()
  const base = await startFaultyServer(
    (call) => {
      const problem = judge(call, key)
      if (problem) refusals.push(problem)
      else hooks.push(asHook(call))
      return problem ? { status: 400, body: problem } : { status: 204 }
    },
    ({ path }) => decide(path, counter.next(path)),
  )
  return {
    url: (path) => base + path,
    secret: `whsec_${key.toString('base64')}`,
    hooks,
    messagesAt: (path) => [
      ...new Map(hooks.filter((hook) => hook.path === path).map((hook) => [hook.id, hook])).values(),
    ],
    calls: counter.of,
    refusals,
  }
}

function judge({ method, headers, body }: HttpCall, key: Buffer): string | null {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    String(headers[name] ?? ''),
  ) as [string, string, string]
  if (method !== 'POST') return `method ${method}`
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) return `type ${headers['content-type']}`
  if (!/^[^.\s]{1,256}$/.test(id)) return `id "${id}"`
  if (!/^\d{1,12}$/.test(timestamp)) return `timestamp "${timestamp}"`
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > toleranceSeconds) return `timestamp ${timestamp} is not now`
  const right = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
  const isSigned = signatures.split(' ').some((one) => {
    const [version, signature = ''] = one.split(',')
    const given = Buffer.from(signature, 'base64')
    return version === 'v1' && given.length === right.length && timingSafeEqual(given, right)
  })
  return isSigned ? null : `signature "${signatures}"`
}

function asHook({ path, headers, body }: HttpCall): Hook {
  return {
    path,
    id: String(headers['webhook-id']),
    timestamp: Number(headers['webhook-timestamp']),
    body: JSON.parse(body) as unknown,
  }
}
