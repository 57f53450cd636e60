import { SchemaType } from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import { askRegistry, RegistryError, splitUrl } from './ask-registry.ts'
import { readSchema } from './avro.ts'
import { subjectOf, type Topic } from './topics.ts'

/** What the codec asks. Both reject with a RegistryError when there is no answer; neither registers anything. */
export type SchemaRegistry = {
  /** The schema with this id; undefined: the registry knows none. Rejects with another error when it is no Avro schema. */
  findType(id: number): Promise<avro.Type | undefined>
  /** The id of this very schema under this subject; undefined: it is not registered there. */
  findId(subject: string, schema: string): Promise<number | undefined>
}

export type RegistryOptions = {
  /** How long one question may take, ms. */
  timeoutMs?: number
}

/** The registry at `url` (Confluent API, `user:password@` for basic authentication). Remembers nothing, repeats nothing. */
export function createRegistry(url: string, { timeoutMs = 5000 }: RegistryOptions = {}): SchemaRegistry {
  return {
    findType: (id) =>
      askRegistry(url, timeoutMs, async (client) => {
        const schema: unknown = await client.getSchema(id)
        if (!avro.Type.isType(schema)) throw new Error('it is not an Avro schema')
        return schema as avro.Type
      }),
    findId: (subject, schema) =>
      askRegistry(url, timeoutMs, (client) => client.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema })),
  }
}

/** The registry answered, and its answer is no. */
export class RefusedError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RefusedError'
  }
}

/** Today's code must be able to read every record that is still on a topic, whichever earlier version wrote it. */
const compatibility = 'BACKWARD_TRANSITIVE'
const operatorTimeoutMs = 10_000

/**
 * What `applySubject` would change in the registry at `url` for the values of `topic`, which this installation calls
 * `topicName`: one line for people, null when nothing. Changes nothing.
 */
export async function planSubject(url: string, topic: Topic<unknown>, topicName: string): Promise<string | null> {
  const subject = subjectOf(topicName)
  const [config, isRegistered] = await Promise.all([
    request(url, 'GET', `/config/${subject}`),
    request(url, 'POST', `/subjects/${subject}`, schemaBody(topic)),
  ])
  const changes: string[] = []
  const level = config?.['compatibilityLevel']
  if (level !== compatibility) changes.push(`compatibility ${level ?? 'unset'} → ${compatibility}`)
  if (!isRegistered) changes.push(await judge(url, topic, subject))
  return changes.join(', ') || null
}

/**
 * Sets the compatibility of the subject and registers the schema of `topic` under it, both unless it is so already.
 * Rejects with a RefusedError when the registry finds the schema incompatible with an earlier version.
 */
export async function applySubject(url: string, topic: Topic<unknown>, topicName: string): Promise<void> {
  const subject = subjectOf(topicName)
  await request(url, 'PUT', `/config/${subject}`, { compatibility })
  await request(url, 'POST', `/subjects/${subject}/versions`, schemaBody(topic)).catch((error: Error) => {
    if (!(error instanceof RefusedError)) throw error
    const remedy = 'Give added fields a default, keep the names and types of the others.'
    throw new RefusedError(`subject ${subject} refuses schemas/${topic.schema}.avsc: ${error.message}. ${remedy}`)
  })
}

async function judge(url: string, topic: Topic<unknown>, subject: string): Promise<string> {
  const path = `/compatibility/subjects/${subject}/versions?verbose=true`
  const verdict = await request(url, 'POST', path, schemaBody(topic))
  if (!verdict) return 'first version of the schema'
  if (verdict['is_compatible']) return 'new version of the schema, compatible with the earlier ones'
  // Confluent's registry has `messages`, Apicurio `reason`.
  const reasons = [verdict['messages'] ?? verdict['reason'] ?? 'no reason given'].flat()
  return `INCOMPATIBLE new version of the schema, it will be refused: ${reasons.join('; ')}`
}

function schemaBody(topic: Topic<unknown>) {
  return { schema: readSchema(topic.schema) }
}

type Answer = Record<string, unknown>

/** The registry's answer; null: it knows no such thing. Rejects with a RegistryError when there is none. */
async function request(url: string, method: string, path: string, body?: unknown): Promise<Answer | null> {
  const { host, auth } = splitUrl(url)
  const headers = new Headers({ 'content-type': 'application/vnd.schemaregistry.v1+json' })
  if (auth) headers.set('authorization', `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`)
  const signal = AbortSignal.timeout(operatorTimeoutMs)
  try {
    const response = await fetch(`${host}${path}`, {
      method,
      headers,
      body: body ? JSON.stringify(body) : null,
      signal,
    })
    const answer = (await response.json()) as Answer
    if (response.ok) return answer
    if (response.status === 404 && answer['error_code']) return null
    if (response.status === 409 || response.status === 422) throw new RefusedError(String(answer['message']))
    throw new Error(`${response.status} ${String(answer['message'])}`)
  } catch (error) {
    if (error instanceof RefusedError) throw error
    const { message, cause } = error as Error
    const why = cause instanceof Error ? `${message}: ${cause.message}` : message
    throw new RegistryError(`schema registry ${host}, ${method} ${path}: ${why}`, { cause: error })
  }
}
