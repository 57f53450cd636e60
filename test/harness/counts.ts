import { allTopics, deadLetterTopic } from '../../schemas/topics.ts'
import type { Installation } from './installation.ts'
import { mailsTo, slackPostsIn } from './mailbox.ts'

/** What is counted: all of an installation, the raw documents of one source, the messages to one person. */
export type Place = Installation & { source: string; address: string; channel: string }

/** Everything that comes out of a system, counted where it is stored. */
export type Counts = {
  /** Raw documents in Firestore. */
  documents: number
  /** Payloads in the normalizer's ledger, understood and not. */
  normalized: number
  refused: number
  /** Rows of normalizer.value by type. */
  values: Record<string, number>
  refusedValues: number
  /** Rows of public.measurement_<…>_value. */
  publicValues: Record<string, number>
  /** Rows of analyzer.news, of those the silent ones, and rows of public.news. */
  news: number
  silentNews: number
  publicNews: number
  /** Events in the person's mails and posts. One message can hold several. */
  mails: number
  posts: number
  /** On all dead letter topics. */
  deadLetters: number
}

const valueTables = ['int', 'float', 'text', 'paragraph', 'comment', 'link', 'image', 'date', 'nested']

export async function countAll(place: Place): Promise<Counts> {
  const { database, address, channel } = place
  const [row, values, publicValues, documents, mails, posts, deadLetters] = await Promise.all([
    database.query<Pick<Counts, 'normalized' | 'refused' | 'refusedValues' | 'news' | 'silentNews' | 'publicNews'>>(`
      SELECT (SELECT count(*) FROM normalizer.processed_event WHERE reason IS NULL)::int AS normalized,
        (SELECT count(*) FROM normalizer.processed_event WHERE reason IS NOT NULL)::int AS refused,
        (SELECT count(*) FROM normalizer.refused)::int AS "refusedValues",
        (SELECT count(*) FROM analyzer.news)::int AS news,
        (SELECT count(*) FROM analyzer.news WHERE silent)::int AS "silentNews",
        (SELECT count(*) FROM public.news)::int AS "publicNews"`),
    countBy(place, 'SELECT type AS name, count(*)::int AS n FROM normalizer.value GROUP BY type'),
    countBy(
      place,
      valueTables
        .map((name) => `SELECT '${name}' AS name, count(*)::int AS n FROM measurement_${name}_value`)
        .join(' UNION ALL '),
    ),
    listDocuments(place),
    mailsTo(address),
    slackPostsIn(channel),
    readDeadLetters(place),
  ])
  return {
    ...(row[0] as (typeof row)[number]),
    ...{ values, publicValues, documents: documents.length },
    ...{ mails: mails.flatMap(({ text }) => eventsIn(text)).length },
    ...{
      posts: posts.flatMap(({ blocks }) => eventsIn(JSON.stringify(blocks))).length,
      deadLetters: deadLetters.length,
    },
  }
}

/** The events that a message names. */
export function eventsIn(text: string): string[] {
  const found = text.matchAll(/Events? ([0-9a-f-]{36}(?:, [0-9a-f-]{36})*)/g)
  return [...found].flatMap(([, events = '']) => events.split(', '))
}

async function countBy({ database }: Place, text: string): Promise<Record<string, number>> {
  const rows = await database.query<{ name: string; n: number }>(text)
  return Object.fromEntries(rows.filter(({ n }) => n > 0).map(({ name, n }) => [name, n]))
}

/** Ids of the raw documents of the source. */
export async function listDocuments({ firestore, source }: Pick<Place, 'firestore' | 'source'>): Promise<string[]> {
  const collection = firestore.client.collection(`parma/mining/datasource/${source}/raw_data`)
  return (await collection.select('event_id').get()).docs.map(({ id }) => id)
}

export type DeadLetter = { service: string; topic: string; reason: string; key: string | null; value: Buffer | null }

/** All dead letters of an installation. */
export async function readDeadLetters({ topics }: Pick<Installation, 'topics'>): Promise<DeadLetter[]> {
  const queues = allTopics.flatMap((topic) =>
    topic.consumers.map((service) => ({ topic: topic.name, service, queue: deadLetterTopic(topic, service).name })),
  )
  const read = queues.map(async ({ topic, service, queue }) =>
    (await topics.read(queue)).map(({ headers, key, value }) => ({
      ...{ service, topic, key, value },
      reason: headers['__dlq.reason'] ?? '',
    })),
  )
  return (await Promise.all(read)).flat()
}

/** What is still on its way of `fed` payloads, step by step; empty when everything has arrived. */
export async function describeOpen(place: Place, fed: number): Promise<string[]> {
  const [row] = await place.database.query<Record<string, number>>(`
    SELECT (SELECT count(*) FROM normalizer.processed_event)::int AS normalized,
      (SELECT count(*) FROM normalizer.processed_event WHERE reason IS NULL)::int AS understood,
      (SELECT count(*) FROM analyzer.event_status WHERE stage = 'judged')::int AS judged,
      (SELECT count(*) FROM analyzer.news)::int AS news,
      (SELECT coalesce(sum(seen), 0) FROM notifier.news_group)::int AS heard,
      (SELECT count(*) FROM notifier.news_group WHERE due_at IS NOT NULL)::int
        + (SELECT count(*) FROM notifier.bundle WHERE due_at IS NOT NULL)::int AS untold,
      (SELECT count(*) FROM notifier.delivery WHERE due_at IS NOT NULL)::int AS undelivered`)
  const { normalized = 0, understood = 0, judged = 0, news = 0, heard = 0, untold = 0, undelivered = 0 } = row ?? {}
  const open: string[] = []
  if (normalized !== fed) open.push(`${normalized} of ${fed} payloads normalized`)
  if (judged !== understood) open.push(`${judged} of ${understood} judged`)
  if (heard !== news) open.push(`${heard} of ${news} news items at the notifier`)
  if (untold + undelivered > 0) open.push(`${untold} groups without a message, ${undelivered} messages to deliver`)
  const documents = open.length > 0 ? fed : (await listDocuments(place)).length
  if (documents !== fed) open.push(`${documents} of ${fed} documents`)
  return open
}
