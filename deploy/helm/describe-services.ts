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
/** What `npx parma mcp` reads, which runs beside the client that asks it. */
const ofClient = ['EDGE_URL', 'PARMA_API_KEY']
/** An address that may have a password in it: it may stand in the values, or in the Secret. */
const plainOrSecret = 'SCHEMA_REGISTRY_URL'

/** The pods of all services, of the setup step, and of operators. */
export function describePods(settings: Settings): Record<string, Pod> {
  const setup = Object.keys({ ...topicSettings, ...postgresSettings })
  const of = (service: string) => [...settings].flatMap(([name, one]) => (one.services.includes(service) ? [name] : []))
  return Object.fromEntries([
    ...services.map((service) => [service, describe(settings, of(service), service)] as const),
    ['setup', describe(settings, setup, 'setup')] as const,
    ['operator', describeOperator(settings)] as const,
  ])
}

/** Commands read what any service reads. Only the database they must have: each says what else it needs. */
function describeOperator(settings: Settings): Pod {
  const { requiredKeys, optionalKeys, ...pod } = describe(
    settings,
    [...settings.keys()].filter((name) => !ofClient.includes(name)),
    'operator',
  )
  const keys = [...requiredKeys, ...optionalKeys].sort()
  const isNeeded = (key: string) => key === 'DATABASE_URL'
  return { ...pod, requiredKeys: keys.filter(isNeeded), optionalKeys: keys.filter((key) => !isNeeded(key)) }
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
