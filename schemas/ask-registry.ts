import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { avroOptions } from './avro.ts'

export type Client = InstanceType<typeof SchemaRegistry>
type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number]

/** The registry did not answer; asking again later will help. Says nothing about the record that needed the answer. */
export class RegistryError extends Error {
  readonly transient = true
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RegistryError'
  }
}

/** Address of a registry without its credentials, and those. `host` has no slash at its end. */
export function splitUrl(url: string): { host: string; auth?: { username: string; password: string } } {
  const { origin, pathname, username, password } = new URL(url)
  const host = `${origin}${pathname}`.replace(/\/+$/, '')
  if (!username) return { host }
  return { host, auth: { username: decodeURIComponent(username), password: decodeURIComponent(password) } }
}

/**
 * Asks the registry at `url` one question; undefined: it knows no such thing. Rejects with a RegistryError when there is
 * no answer within `timeoutMs`, and with another error when the client cannot use the schema it got.
 */
export async function askRegistry<T>(
  url: string,
  timeoutMs: number,
  question: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  const { host, auth } = splitUrl(url)
  const signal = AbortSignal.timeout(timeoutMs)
  const heard: { status: 0 | 200 | 404 } = { status: 0 }
  // A client per question: one whose answer broke off stays open in its client for ever, and who asks the same again is
  // given that one. https://github.com/kafkajs/confluent-schema-registry/blob/v4.1.0/src/SchemaRegistry.ts
  const client = new SchemaRegistry(
    { host, auth, retry: { retries: 0 }, middlewares: [listen(heard, signal)] },
    { [SchemaType.AVRO]: avroOptions() },
  )
  try {
    return await Promise.race([question(client), rejectWith(signal)])
  } catch (error) {
    if (heard.status === 404) return undefined
    if (heard.status === 200) throw error
    throw new RegistryError(`schema registry ${host}: ${(error as Error).message.slice(0, 300)}`, { cause: error })
  }
}

/**
 * Notes what the registry itself said last: 200, 404, or 0 for anything else. Only that counts: the client has status 400
 * for a connection that failed too, and takes any page of a proxy in between for an answer.
 */
function listen(heard: { status: 0 | 200 | 404 }, signal: AbortSignal): Middleware {
  return () => ({
    prepareRequest: async (next) => {
      heard.status = 0
      return (await next()).enhance({ signal })
    },
    response: async (next) => {
      const response = await next().catch((error: Error & { status?: number }) => {
        // The client's own words for a body without a message, which every error of a registry has.
        if (error.status === 404 && !error.message.includes('Error, status 404')) heard.status = 404
        throw error
      })
      if (!isAnswer(response.rawData())) throw new Error('this is not the answer of a schema registry')
      heard.status = 200
      return response
    },
  })
}

function isAnswer(text: string | null): boolean {
  try {
    const { schema, id } = JSON.parse(text ?? '') as Record<string, unknown>
    return typeof schema === 'string' || typeof id === 'number'
  } catch {
    return false
  }
}

function rejectWith(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}
