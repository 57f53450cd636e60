import { allTopics, type Consumer, deadLetterTopic, type Topic } from './topics.ts'

/** What somebody may do with topics or groups of these names, which are without the prefix of an installation. */
export type Access = {
  type: 'topic' | 'group'
  /** `prefix`: all that begin with the name. */
  pattern: 'literal' | 'prefix'
  names: string[]
  operations: string[]
}

/**
 * The group in whose offsets' metadata stands which losses of `group` were accepted: those noticed until then. Nobody is a
 * member of it, so that a command can write there while the service runs.
 */
export function acceptanceGroup(group: string): string {
  return `${group}.accepted-losses`
}

const writers = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler'] as const
type Writer = (typeof writers)[number]

/** The groups of those who read topics to their ends. */
const readers = (...operations: string[]): Access => ({
  ...{ type: 'group', pattern: 'prefix', names: ['parma.read.'], operations },
})

const access = (type: Access['type'], names: readonly string[], ...operations: string[]): Access[] =>
  names.length > 0 ? [{ type, pattern: 'literal', names: [...names], operations }] : []

/**
 * The least that each user of Kafka needs, from the table of topics: services write what they produce, read what they
 * consume in the group of their name, and write dead letters of that. The edge shows how far all have read and their dead
 * letters, and replays these to where they came from. `setup` makes topics; `operator` runs commands.
 */
export function describeAccess(): Record<string, Access[]> {
  return {
    ...Object.fromEntries(writers.map((service) => [service, accessOf(service)])),
    setup: access('topic', everyTopic(), 'Create', 'Describe', 'DescribeConfigs', 'Alter', 'AlterConfigs'),
    operator: [
      // Alter: to add partitions (`npx parma topics apply --repartition`).
      ...access('topic', everyTopic(), 'Read', 'Write', 'Describe', 'DescribeConfigs', 'Alter'),
      ...access('group', [...groups(), ...groups().map(acceptanceGroup)], 'Read', 'Describe'),
      readers('Read', 'Describe', 'Delete'),
    ],
  }
}

function accessOf(service: Writer): Access[] {
  const isReader = (readers: readonly Consumer[] = []) => readers.some((reader) => reader === service)
  const read = allTopics.filter(({ consumers }) => isReader(consumers))
  const tables = allTopics.filter((topic) => isReader(topic.tables))
  const isEdge = service === 'edge'
  const written = allTopics.filter(
    ({ producers, consumers }) => producers.includes(service) || (isEdge && consumers.length > 0),
  )
  return [
    ...access('topic', [...new Set(namesOf([...read, ...tables]))], 'Read', 'Describe'),
    ...access('topic', [...namesOf(written), ...lettersOf(read, service)], 'Write', 'Describe'),
    ...access('topic', isEdge ? everyLetterTopic() : [], 'Read', 'Describe'),
    ...access('group', read.length > 0 ? [service] : [], 'Read', 'Describe'),
    ...access('group', read.length > 0 ? [acceptanceGroup(service)] : [], 'Describe'),
    ...access('group', isEdge ? groups() : [], 'Describe'),
    ...(isEdge ? [readers('Read', 'Describe')] : []),
    // Each process reads a table in a group of its own.
    ...(tables.length > 0
      ? [
          {
            type: 'group' as const,
            pattern: 'prefix' as const,
            names: [`${service}.table.`],
            operations: ['Read', 'Describe'],
          },
        ]
      : []),
  ]
}

function everyTopic(): string[] {
  return [...namesOf(allTopics), ...everyLetterTopic()]
}
function everyLetterTopic(): string[] {
  return allTopics.flatMap((topic) => topic.consumers.map((consumer) => deadLetterTopic(topic, consumer).name))
}
function groups(): string[] {
  return [...new Set(allTopics.flatMap(({ consumers }) => consumers))]
}
function namesOf(some: readonly Topic<unknown>[]): string[] {
  return some.map(({ name }) => name)
}
function lettersOf(some: readonly Topic<unknown>[], service: string): string[] {
  return some.map((topic) => deadLetterTopic(topic, service).name)
}
