import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allTopics } from '#schemas/topics.ts'
import { services } from '../local/config.ts'
import type { Settings } from '../read-settings.ts'
import type { Pod } from './describe-services.ts'

type Schema = Record<string, unknown>
type Base = { properties: { kafka: { properties: Schema } }; $defs: Record<string, Schema & { properties: Schema }> }

/**
 * The schema of the chart's values: values-base.json, with the settings that each service reads. A name that none reads,
 * and a secret among the settings, are refused by templates/_refuse.tpl, which can say what to do.
 */
export function renderValuesSchema(settings: Settings, pods: Record<string, Pod>): string {
  const base = JSON.parse(readFileSync(join(import.meta.dirname, 'values-base.json'), 'utf8')) as Base
  const names = [...new Set(Object.values(pods).flatMap((pod) => pod.settings))].sort()
  const listed = (some: readonly string[]) => ({
    type: 'object',
    additionalProperties: { type: 'string' },
    properties: Object.fromEntries(some.map((name) => [name, { $ref: `#/$defs/settings/properties/${name}` }])),
  })
  const block = (service: string) => {
    const { properties, ...rest } = base.$defs.service!
    const own = service === 'edge' ? base.$defs.edge! : { properties: {} }
    const settings = listed(pods[service]!.settings)
    return { ...rest, properties: { ...properties, ...own.properties, settings } }
  }
  const { edge: _, service: __, ...others } = base.$defs
  const { kafka } = base.properties
  const partitions = {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(allTopics.map(({ name }) => [name, { $ref: '#/$defs/count' }])),
  }
  const schema = {
    ...base,
    properties: {
      ...base.properties,
      kafka: { ...kafka, properties: { ...kafka.properties, partitions } },
      services: {
        type: 'object',
        additionalProperties: false,
        required: services,
        properties: Object.fromEntries(services.map((service) => [service, block(service)])),
      },
    },
    $defs: {
      ...others,
      settings: {
        type: 'object',
        additionalProperties: { type: 'string' },
        properties: Object.fromEntries(
          names.map((name) => [
            name,
            { type: 'string', minLength: 1, description: settings.get(name)!.schema.description ?? '' },
          ]),
        ),
      },
    },
  }
  return `${JSON.stringify(schema, null, 1)}\n`
}
