import { postgresSettings } from '#runtime/process/settings.ts'
import { allTopics, type Consumer } from '#schemas/topics.ts'
import { topicSettings } from '../../services/cli/config.ts'
import { services } from '../local/config.ts'
import { defaultOf, isConfidential, type Settings } from '../read-settings.ts'

/** What the chart must know of a pod: which settings it reads, which keys of its Secret, and whose lag scales it. */
export type Pod = {
  /** Settings that may stand in the values. */
  settings: string[]
  /** Keys that its Secret must have, and those that it may have. */
  requiredKeys: string[]
  optionalKeys: string[]
  /** The topics that it reads in its group, with their partitions. */
  topics: { name: string; partitions: number }[]
}

/** What the chart itself sets, because ports and volumes of the pod depend on it. */
const ofChart = [
  'HEALTH_PORT',
  'HEALTH_HOST',
  'EDGE_PORT',
  'EDGE_HOST',
  'SECRETS_DIR',
  'TOPIC_REPLICAS',
  'TOPIC_PARTITIONS',
]
/** An address that may have a password in it: it may stand in the values, or in the Secret. */
const plainOrSecret = 'SCHEMA_REGISTRY_URL'

/** The pods of all services, and of the setup step. */
export function describePods(settings: Settings): Record<string, Pod> {
  const setup = Object.keys({ ...topicSettings, ...postgresSettings }).filter(
    (name) => name !== 'EDGE_URL' && name !== 'PARMA_API_KEY',
  )
  const of = (service: string) => [...settings].flatMap(([name, one]) => (one.services.includes(service) ? [name] : []))
  return Object.fromEntries([
    ...services.map((service) => [service, describe(settings, of(service), service)] as const),
    ['setup', describe(settings, setup, 'setup')] as const,
  ])
}

function describe(settings: Settings, names: readonly string[], service: string): Pod {
  const own = names.filter((name) => !ofChart.includes(name)).sort()
  const schemaOf = (name: string) => settings.get(name)!.schema
  const keys = own.filter((name) => isConfidential(schemaOf(name)) && name !== plainOrSecret)
  return {
    settings: own.filter((name) => !keys.includes(name)),
    requiredKeys: keys.filter((name) => defaultOf(schemaOf(name)) === null),
    optionalKeys: keys.filter((name) => defaultOf(schemaOf(name)) !== null),
    topics: allTopics
      .filter(({ consumers }) => consumers.includes(service as Consumer))
      .map(({ name, partitions }) => ({ name, partitions })),
  }
}
