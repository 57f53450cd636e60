import { firestoreSettings } from '#runtime/firestore/settings.ts'
import {
  consumerSettings,
  kafkaSettings,
  ledgerSettings,
  linkSettings,
  moduleSettings,
  postgresSettings,
  producerSettings,
  serviceSettings,
  tokenSettings,
  understandSettings,
} from '#runtime/process/settings.ts'
import { readSettingsOfRooms, type Settings } from './read-settings.ts'

type Heading = {
  title: string
  /** One sentence that says whose settings these are. */
  about: string
  /** The page that describes the feature, from the repository; none where the sentence says it all. */
  page?: string
}
/** `isShared`: several services read them. */
export type Group = Heading & { names: readonly string[]; isShared: boolean }

/** Settings that several services share, by subject. */
const shared: readonly (Heading & { names: readonly string[] })[] = [
  { title: 'Every service', about: 'What all processes read.', names: Object.keys(serviceSettings) },
  {
    title: 'Kafka',
    about: 'The brokers, the schema registry, and how services produce and consume.',
    page: 'schemas/README.md',
    names: Object.keys({ ...kafkaSettings, ...producerSettings, ...consumerSettings }),
  },
  {
    title: 'Postgres',
    about: 'The database, and how long ledgers remember.',
    page: 'ARCHITECTURE.md#delivery',
    names: Object.keys({ ...postgresSettings, ...ledgerSettings }).filter((name) => !(name in serviceSettings)),
  },
  {
    title: 'Firestore',
    about: 'Where raw documents are kept.',
    page: 'services/raw-sink/README.md',
    names: [...Object.keys(firestoreSettings), 'FIRESTORE_TIMEOUT_MS'],
  },
  {
    title: 'Tokens, links and calls to modules',
    about: 'Secrets that services share, and which addresses they may call.',
    page: 'services/edge/README.md',
    names: Object.keys({ ...tokenSettings, ...linkSettings, ...moduleSettings }),
  },
  {
    title: 'Understanding payloads',
    about: 'Which payloads can be understood. The edge reads it for dry runs.',
    page: 'services/normalizer/README.md',
    names: Object.keys(understandSettings),
  },
]

/** Each service, and each room of one that has settings of its own; `page` is the part of its page that describes it. */
const own: readonly Heading[] = [
  { title: 'edge', about: 'HTTP in.', page: 'services/edge/README.md' },
  { title: 'raw-sink', about: 'Raw payloads to Firestore.', page: 'services/raw-sink/README.md' },
  { title: 'normalizer', about: 'Payloads to values.', page: 'services/normalizer/README.md' },
  { title: 'analyzer', about: 'What is news.', page: 'services/analyzer/README.md' },
  {
    title: 'analyzer/rule-trial',
    about: 'Rules that people try on a series.',
    page: 'services/analyzer/README.md#trying-on-the-past',
  },
  { title: 'notifier', about: 'Who is notified.', page: 'services/notifier/README.md' },
  { title: 'notifier/inbox', about: 'Groups of news items.', page: 'services/notifier/README.md' },
  { title: 'notifier/people', about: 'Who is reached where.', page: 'services/notifier/README.md' },
  {
    title: 'notifier/plan',
    about: 'When messages go out, and what they combine.',
    page: 'services/notifier/README.md',
  },
  { title: 'notifier/message', about: 'What messages contain.', page: 'services/notifier/README.md' },
  {
    title: 'notifier/channels',
    about: 'E-mail, Slack, webhooks and their secrets.',
    page: 'services/notifier/README.md',
  },
  { title: 'notifier/delivery', about: 'Attempts, retries and outages.', page: 'services/notifier/README.md' },
  { title: 'notifier/digests', about: 'Digests and weekly reports.', page: 'services/notifier/README.md' },
  { title: 'scheduler', about: 'When sources run.', page: 'services/scheduler/README.md' },
  { title: 'miner-npm', about: 'The example of a mining module.', page: 'services/miner-npm/README.md' },
  {
    title: 'cli',
    about: 'What `parma` commands read besides the settings of services.',
    page: 'services/cli/README.md',
  },
  { title: 'cli/retention', about: 'How long what is kept.', page: 'docs/operations/retention.md' },
]

/** All settings in groups, each in one. Throws an Error when a service or room with settings has no group. */
export async function groupSettings(settings: Settings): Promise<Group[]> {
  const titles = new Map(shared.flatMap(({ title, names }) => names.map((name) => [name, title] as const)))
  for (const [room, names] of await readSettingsOfRooms())
    for (const name of names) if (!titles.has(name)) titles.set(name, room)
  const known: readonly Heading[] = [...shared, ...own]
  const grouped = Map.groupBy(
    [...settings.keys()].sort(),
    (name) => titles.get(name) ?? settings.get(name)!.services[0]!,
  )
  for (const title of grouped.keys())
    if (!known.some((group) => group.title === title)) throw new Error(`deploy/group-settings.ts has no group ${title}`)
  return known.flatMap((group) => {
    const names = grouped.get(group.title)
    return names ? [{ ...group, names, isShared: !own.includes(group) }] : []
  })
}
