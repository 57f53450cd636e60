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
  /** How long one question may take, ms. By default 5 s, for operators 10 s. */
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

/**
 * What `applySubject` would change in the registry at `url` for the values of `topic`, which this installation calls
 * `topicName`: one line for people, null when nothing. Changes nothing.
 */
export async function planSubject(
  url: string,
  topic: Topic<unknown>,
  topicName: string,
  options?: RegistryOptions,
): Promise<string | null> {
  const ask = createOperator(url, options)
  const subject = subjectOf(topicName)
  const [config, registered] = await Promise.all([
    ask('GET', `/config/${subject}`, 'compatibilityLevel'),
    ask('POST', `/subjects/${subject}`, 'id', schemaBody(topic)),
  ])
  const changes: string[] = []
  const level = config?.['compatibilityLevel']
  if (level !== compatibility) changes.push(`compatibility ${level ?? 'unset'} → ${compatibility}`)
  if (!registered) {
    const versions = `/compatibility/subjects/${subject}/versions?verbose=true`
    const verdict = await ask('POST', versions, 'is_compatible', schemaBody(topic))
    changes.push(describeVerdict(verdict, level === compatibility))
  }
  return changes.join(', ') || null
}

/**
 * Sets the compatibility of the subject and registers the schema of `topic` under it, both unless it is so already.
 * Rejects with a RefusedError when the registry finds the schema incompatible with an earlier version.
 */
export async function applySubject(
  url: string,
  topic: Topic<unknown>,
  topicName: string,
  options?: RegistryOptions,
): Promise<void> {
  const ask = createOperator(url, options)
  const subject = subjectOf(topicName)
  await ask('PUT', `/config/${subject}`, 'compatibility', { compatibility })
  await ask('POST', `/subjects/${subject}/versions`, 'id', schemaBody(topic)).catch((error: Error) => {
    if (!(error instanceof RefusedError)) throw error
    const remedy = 'Give added fields a default, keep the names and types of the others.'
    throw new RefusedError(`subject ${subject} refuses schemas/${topic.schema}.avsc: ${error.message}. ${remedy}`)
  })
}

function schemaBody(topic: Topic<unknown>) {
  return { schema: readSchema(topic.schema) }
}

type Answer = Record<string, unknown>

function describeVerdict(verdict: Answer | null, isOurRule: boolean): string {
  if (!verdict) return 'first version of the schema'
  // Confluent's registry has `messages`, Apicurio `reason`.
  const reasons = [verdict['messages'] ?? verdict['reason'] ?? 'no reason given'].flat()
  if (!verdict['is_compatible'])
    return `INCOMPATIBLE new version of the schema, it will be refused: ${reasons.join('; ')}`
  return `new version of the schema, ${isOurRule ? 'compatible with the earlier ones' : 'to be checked by that rule'}`
}

/**
 * Gives a function that asks the registry: its answer, which has the field `expected`, or null, when it knows no such thing.
 * Rejects with a RegistryError when it does not answer, with a RefusedError when it refuses.
 */
function createOperator(url: string, { timeoutMs = 10_000 }: RegistryOptions = {}) {
  const { host, auth } = splitUrl(url)
  const headers = new Headers({ 'content-type': 'application/vnd.schemaregistry.v1+json' })
  if (auth) headers.set('authorization', `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`)

  return async (method: string, path: string, expected: string, body?: object): Promise<Answer | null> => {
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const request = { method, headers, body: body ? JSON.stringify(body) : null, signal }
      const response = await fetch(`${host}${path}`, request)
      const answer = (await response.json()) as Answer
      if (response.ok && expected in answer) return answer
      if (response.status === 404 && 'error_code' in answer) return null
      const message = `${response.status} ${String(answer['message'] ?? 'this is not the answer of a schema registry')}`
      throw response.status === 409 || response.status === 422 ? new RefusedError(message) : new Error(message)
    } catch (error) {
      if (error instanceof RefusedError) throw error
      const { message, cause } = error as Error
      const why = cause instanceof Error ? `${message}: ${cause.message}` : message
      throw new RegistryError(`schema registry ${host}, ${method} ${path}: ${why}`, { cause: error })
    }
  }
}
