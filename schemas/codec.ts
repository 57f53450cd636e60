import type { Resolver, Type } from 'avsc'
import { RegistryError } from './ask-registry.ts'
import { parseSchema, readSchema } from './avro.ts'
import { createWriterLookup, type LookupOptions } from './find-writer.ts'
import { DecodeError, readValue } from './read-value.ts'
import type { SchemaRegistry } from './registry.ts'
import { subjectOf, type Topic } from './topics.ts'
import { createWriter, frameBytes } from './write-value.ts'

export { DecodeError } from './read-value.ts'
export { EncodeError } from './write-value.ts'

export type Codec = {
  /**
   * Bytes of `value` for `topicName`, which is the topic's name in this cluster. Asks the registry once for the id of our
   * own schema under subject `<topicName>-value`; never registers. Throws `EncodeError` when the value does not fit the
   * schema; any other error is transient (registry).
   */
  encode<T>(topic: Topic<T>, topicName: string, value: T): Promise<Buffer>
  /**
   * Value of `bytes`, resolved from its writer's schema to ours. Throws `DecodeError` (permanent) when these bytes can
   * never be read; any other error is transient (registry).
   */
  decode<T>(topic: Topic<T>, bytes: Buffer | null): Promise<T>
}

type OwnSchema = { text: string; type: Type; readers: Map<number, Resolver> }

/** Translates between values and the bytes on the topics. Schemas, ids and resolvers are kept for ever: they never change. */
export function createCodec(registry: SchemaRegistry, options: LookupOptions = {}): Codec {
  const findWriter = createWriterLookup(registry, options)
  const write = createWriter()
  const schemas = new Map<string, OwnSchema>()
  const ids = new Map<string, Promise<number>>()
  const writers = new Map<number, Promise<Type>>()

  function ownSchema(name: string): OwnSchema {
    let own = schemas.get(name)
    if (!own) {
      const text = readSchema(name)
      own = { text, type: parseSchema(text), readers: new Map() }
      schemas.set(name, own)
    }
    return own
  }

  async function findId(subject: string, schema: string, text: string): Promise<number> {
    const id = await registry.findId(subject, text)
    if (id === undefined)
      throw new RegistryError(
        `subject ${subject} has not schemas/${schema}.avsc as it is here: run \`parma topics apply\``,
      )
    return id
  }

  async function findReader(own: OwnSchema, id: number): Promise<Resolver> {
    const writer = await keep(writers, id, () => findWriter(id))
    try {
      const reader = own.type.createResolver(writer)
      own.readers.set(id, reader)
      return reader
    } catch (error) {
      const message = `${own.type.name} cannot be read from schema ${id}: ${(error as Error).message}`
      throw new DecodeError('undecodable', message, { cause: error })
    }
  }

  return {
    async encode(topic, topicName, value) {
      const { text, type } = ownSchema(topic.schema)
      const id = await keep(ids, topicName, () => findId(subjectOf(topicName), topic.schema, text))
      return write(type, id, value)
    },
    async decode<T>(topic: Topic<T>, bytes: Buffer | null) {
      if (bytes === null) throw new DecodeError('null-value', 'the record has no value')
      if (bytes.length < frameBytes)
        throw new DecodeError('too-short', `${bytes.length} bytes, a schema id takes ${frameBytes}`)
      if (bytes[0] !== 0) throw new DecodeError('wrong-magic-byte', `the first byte is ${bytes[0]}, not 0`)
      const id = bytes.readInt32BE(1)
      const own = ownSchema(topic.schema)
      const reader = own.readers.get(id) ?? (await findReader(own, id))
      try {
        return readValue(reader, bytes, frameBytes) as T
      } catch (error) {
        const message = `no ${own.type.name} of schema ${id}: ${(error as Error).message}`
        throw new DecodeError('undecodable', message, { cause: error })
      }
    },
  }
}

/** What `find` found for `key` before, or finds now, once for all who ask meanwhile. Failures are not kept. */
function keep<K, V>(found: Map<K, Promise<V>>, key: K, find: () => Promise<V>): Promise<V> {
  const known = found.get(key)
  if (known) return known
  const finding = find()
  found.set(key, finding)
  finding.catch(() => found.delete(key))
  return finding
}
