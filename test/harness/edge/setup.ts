import { randomUUID } from 'node:crypto'
import { createCodec } from '../../../schemas/codec.ts'
import { createRegistry } from '../../../schemas/registry.ts'
import type { Topic } from '../../../schemas/topics.ts'
import { makeApiKey } from '../../../services/edge/access/api-key.ts'
import type { Role } from '../../../services/runtime/changes/roles.ts'
import { mintToken, type TokenSecrets } from '../../../services/runtime/web/token.ts'
import { createInstallation, type Installation } from '../installation.ts'
import { asRole } from '../roles.ts'
import type { StartedService } from '../service.ts'
import type { ReadRecord } from '../topics.ts'

export type Answer = { status: number; headers: Headers; text: string; json: Record<string, unknown> }
type Call = {
  method?: string
  token?: string
  headers?: Record<string, string>
  body?: string | Buffer | Uint8Array | object
}

export type TestEdge = Installation & {
  url: string
  secrets: TokenSecrets
  call(path: string, call?: Call): Promise<Answer>
  /** GET /handshake, without a token as parma-web calls it, or with one. */
  handshake(endpoint: string, sourceId: number | string, token?: string): Promise<Answer>
  /** One more edge of the same installation. */
  replica(env?: NodeJS.ProcessEnv): Promise<TestEdge>
  /** A token as modules get it. */
  token(sourceId: number, taskId?: number): Promise<string>
  /** A key of the operator API, as the value of the Authorization header. */
  apiKey(role: Role, ended?: { expires_at?: string; revoked_at?: string }): Promise<string>
  /** Values and headers of all records of a topic. */
  records<T>(topic: Topic<T>): Promise<(ReadRecord & { decoded: T })[]>
  addSource(name: string, endpoint?: string): Promise<number>
  addCompany(name: string): Promise<number>
  addTask(sourceId: number): Promise<number>
}

export type StartedEdge = TestEdge & { service: StartedService }

/**
 * An installation with an edge that may call modules on this machine. `env` and the `flags` of Node go to the edge alone.
 * Its services have the rights in Postgres that they have in production.
 */
export async function startEdge(env: NodeJS.ProcessEnv = {}, flags: string[] = []): Promise<StartedEdge> {
  const installation = await createInstallation()
  const start: Installation['start'] = (name, own, nodeFlags) =>
    installation.start(name, asRole(name, { ...installation.env, ...own }), nodeFlags)
  const service = await start('edge', { ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', ...env }, flags)
  return { ...useEdge({ ...installation, start }, service.url), service }
}

export function useEdge(installation: Installation, url: string): TestEdge {
  const { database, topics, env: shared } = installation
  const codec = createCodec(createRegistry(shared['SCHEMA_REGISTRY_URL'] ?? ''))
  const secrets = {
    shared: shared['PARMA_SHARED_SECRET_KEY'] ?? '',
    analytics: shared['PARMA_ANALYTICS_SECRET_KEY'] ?? '',
  }
  const insert = async (text: string, ...values: unknown[]) =>
    (await database.query<{ id: number }>(text, values))[0]?.id ?? 0
  return {
    ...installation,
    url,
    secrets,
    call: (path, call) => callEdge(url + path, call),
    handshake(endpoint, sourceId, token) {
      const query = new URLSearchParams({ invocation_endpoint: endpoint, data_source_id: String(sourceId) })
      return callEdge(`${url}/handshake?${query}`, token === undefined ? {} : { token })
    },
    replica: async (env) => useEdge(installation, (await installation.start('edge', env)).url),
    async token(sourceId, taskId) {
      return `Bearer ${await mintToken({ sourceId, taskId, jti: randomUUID(), now: Date.now(), lifetimeSeconds: 3600 }, secrets)}`
    },
    async apiKey(role, { expires_at = null, revoked_at = null } = {}) {
      const { key, hash, hint } = makeApiKey()
      await database.query(
        'INSERT INTO edge.api_key (hash, hint, name, role, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6)',
        [hash, hint, randomUUID(), role, expires_at, revoked_at],
      )
      return `Bearer ${key}`
    },
    async records(topic) {
      const records = await topics.read(topic.name)
      return Promise.all(
        records.map(async (record) => ({ ...record, decoded: await codec.decode(topic, record.value) })),
      )
    },
    addSource: (name, endpoint = '') =>
      insert(
        `INSERT INTO data_source (source_name, is_active, frequency, health_status, invocation_endpoint, modified_at)
         VALUES ($1, true, 'DAILY', 'UP', $2, now()) RETURNING id`,
        name,
        endpoint,
      ),
    addCompany: (name) => insert('INSERT INTO company (name, modified_at) VALUES ($1, now()) RETURNING id', name),
    addTask: (sourceId) =>
      insert(
        `INSERT INTO scheduled_task (data_source_id, schedule_type) VALUES ($1, 'ON_DEMAND') RETURNING task_id AS id`,
        sourceId,
      ),
  }
}

async function callEdge(url: string, { method, token, headers = {}, body }: Call = {}): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: token }),
      ...headers,
    },
    body: body === undefined ? null : isRaw ? (body as string) : JSON.stringify(body),
    // As long as mining modules wait.
    signal: AbortSignal.timeout(120_000),
  })
  const text = await response.text()
  const isJson = text !== '' && response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
  }
}

/** Settings of a scheduler that finalizes runs soon, and starts only requested ones. */
export const onlyRequestedRuns = {
  TICK_SECONDS: '1',
  SETTLE_SECONDS: '1',
  FIRST_RUN_QUIET_SECONDS: '86400',
  FIRST_RUN_UNMAPPED_SECONDS: '86400',
}
