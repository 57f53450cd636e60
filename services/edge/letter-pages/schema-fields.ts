import { readSchema } from '#schemas/avro.ts'
import type { Topic } from '#schemas/topics.ts'
import type { FieldDoc } from './letter-page.ts'

type AvroField = { name: string; type: unknown; doc?: string }

/** The fields of the records of a topic, with what they mean. */
export function fieldsOfTopic({ schema }: Pick<Topic<unknown>, 'schema'>): FieldDoc[] {
  const { fields } = JSON.parse(readSchema(schema)) as { fields: AvroField[] }
  return fields.map(({ name, type, doc = '' }) => ({ name, type: nameOf(type), doc }))
}

function nameOf(type: unknown): string {
  if (typeof type === 'string') return type
  if (Array.isArray(type)) return type.map(nameOf).join(' or ')
  const { type: kind, name, items } = type as { type: unknown; name?: string; items?: unknown }
  if (kind === 'array') return `list of ${nameOf(items)}`
  return name ?? nameOf(kind)
}
