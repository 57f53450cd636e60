import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { listDocuments, readDeadLetters } from '../counts.ts'
import { mailsTo, slackPostsIn } from '../mailbox.ts'
import { compare, compareTold } from './compare.ts'
import { map, type Numbered, phaseOf, valuesOfEach } from './load.ts'
import type { World } from './world.ts'

/** A payload that was answered 201, with the id it got. `isStranger`: of a company that does not exist. */
export type Acked = Numbered & { id: string; isStranger: boolean }

/** What is wrong with the effects of these payloads, one sentence each; `poison`: bodies that nobody can read. */
export async function listProblems(
  world: World,
  acked: readonly Acked[],
  poison: readonly string[],
): Promise<string[]> {
  const understood = acked.filter(({ isStranger }) => !isStranger)
  const ids = (list: readonly Acked[]) => list.map(({ id }) => id)
  const documents = listDocuments({ ...world, source: map.Source })
  const problems = await Promise.all([
    documents.then((seen) => compare('documents', ids(acked), seen)),
    listLedgerProblems(world, ids(acked), ids(understood)),
    listValueProblems(world, understood),
    listObservationProblems(world, ids(understood)),
    listNewsProblems(world, understood),
    listMessageProblems(world, ids(understood.filter(({ n }) => n > 0))),
    listDeadLetterProblems(world, poison),
  ])
  return problems.flat()
}

async function listLedgerProblems({ database }: World, acked: string[], understood: string[]): Promise<string[]> {
  const rows = await database.query<{ event_id: string; reason: string | null }>(
    'SELECT event_id, reason FROM normalizer.processed_event',
  )
  const judged = await database.query<{ event_id: string }>(
    `SELECT event_id FROM analyzer.event_status WHERE stage = 'judged'`,
  )
  const all = rows.map(({ event_id }) => event_id)
  const refused = rows.filter(({ reason }) => reason !== null)
  return [
    ...compare('ledger', acked, all),
    ...compare(
      'refusals',
      acked.filter((id) => !understood.includes(id)),
      refused.map(({ event_id }) => event_id),
    ),
    ...compare(
      'judged payloads',
      understood,
      judged.map(({ event_id }) => event_id),
    ),
  ]
}

/** Every value is there once, in both places, and those of a company rise with its payloads. */
async function listValueProblems({ database, companies }: World, understood: readonly Acked[]): Promise<string[]> {
  const rows = await database.query<{ event_id: string; type: string; text: string | null; company_id: number }>(
    `SELECT e.event_id, v.type, v.text, v.company_id FROM normalizer.value v JOIN normalizer.processed_event e USING (event_no)
     ORDER BY v.observed_at, v.seq`,
  )
  const problems = Object.entries(valuesOfEach).flatMap(([type, each]) => {
    const seen = rows.filter((row) => row.type === type).map(({ event_id }) => event_id)
    // Two of one payload are two effects: the first of each is compared alone.
    const counts = Map.groupBy(seen, (id) => id)
    const wrong = [...counts].filter(([, found]) => found.length !== each)
    return [
      ...compare(`values (${type})`, idsOf(understood), counts.keys()),
      ...wrong.map(([id, found]) => `values (${type}): ${found.length} of ${id} and not ${each}`),
    ]
  })
  for (const [type, each] of Object.entries(valuesOfEach)) {
    const [row] = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM measurement_${type}_value`)
    if (row?.n !== each * understood.length)
      problems.push(`values in public (${type}): ${row?.n} and not ${each * understood.length}`)
  }
  const phases = Map.groupBy(
    rows.filter(({ type }) => type === 'text'),
    ({ company_id }) => company_id,
  )
  for (const [index, { id, name }] of companies.entries()) {
    const seen = phases.get(id)?.map(({ text }) => text) ?? []
    const disorder = seen.findIndex((text, n) => text !== phaseOf(n))
    const count = understood.filter(({ company }) => company === index).length
    if (disorder >= 0 || seen.length !== count)
      problems.push(`order: ${name} has ${seen.length} of ${count} phases, the ${disorder}th is ${seen[disorder]}`)
  }
  return problems
}

/** Observations may come twice, byte for byte. */
async function listObservationProblems({ topics: own, env }: World, understood: string[]): Promise<string[]> {
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const records = await own.read(topics.observations.name)
  const told = await Promise.all(
    records.map(async ({ value }) => {
      const { event_id } = await codec.decode(topics.observations, value)
      return { event_id, bytes: value?.toString('base64') ?? '' }
    }),
  )
  const versions = Map.groupBy(told, ({ event_id }) => event_id)
  const changed = [...versions].filter(([, those]) => new Set(those.map(({ bytes }) => bytes)).size > 1)
  return [
    ...compare('observations', understood, versions.keys()),
    ...changed.map(([id]) => `observations: ${id} was sent again with another content`),
  ]
}

/** Each phase but a company's first is one news item, and names the phase before it. */
async function listNewsProblems({ database, companies }: World, understood: readonly Acked[]): Promise<string[]> {
  const rows = await database.query<{ company_id: number; event_id: string; step: string; silent: boolean }>(
    `SELECT company_id, event_id, silent, previous || ' -> ' || current AS step FROM analyzer.news`,
  )
  const later = understood.filter(({ n }) => n > 0)
  const stepOf = ({ company, n }: Acked) => `${companies[company]?.id}: ${phaseOf(n - 1)} -> ${phaseOf(n)}`
  const [told] = await database.query<{ n: number }>('SELECT count(*)::int AS n FROM public.news')
  const silent = rows.filter((row) => row.silent).length
  return [
    ...compare(
      'news items',
      idsOf(later),
      rows.map(({ event_id }) => event_id),
    ),
    ...compare(
      'steps in news items',
      later.map(stepOf),
      rows.map(({ company_id, step }) => `${company_id}: ${step}`),
    ),
    ...(silent > 0 ? [`news items: ${silent} silent`] : []),
    ...(told?.n === later.length ? [] : [`news items in public: ${told?.n} and not ${later.length}`]),
  ]
}

/** One post each. One mail each, but for those of which the notifier says that nobody can know. */
async function listMessageProblems({ database, channel, address }: World, told: string[]): Promise<string[]> {
  const posts = (await slackPostsIn(channel)).map(({ blocks }) => JSON.stringify(blocks))
  const mails = (await mailsTo(address)).map(({ text }) => text)
  // A message that tells of several events has a row for each.
  const states = await database.query<{ channel: string; state: string; n: number }>(
    `SELECT channel, state, count(*)::int AS n FROM notifier.delivery_status WHERE state <> 'sent' GROUP BY 1, 2`,
  )
  const unknown = states.find((row) => row.channel === 'EMAIL' && row.state === 'unknown')?.n ?? 0
  return [
    ...compareTold('posts', told, posts, 0),
    ...compareTold('mails', told, mails, unknown),
    ...states
      .filter((row) => row.channel !== 'EMAIL' || row.state !== 'unknown')
      .map(({ channel: of, state, n }) => `messages: ${n} ${of} ${state}`),
  ]
}

/** Both consumers of bodies have put aside what nobody can read, and nothing else. */
async function listDeadLetterProblems(world: World, poison: readonly string[]): Promise<string[]> {
  const letters = await readDeadLetters(world)
  return ['raw-sink', 'normalizer']
    .flatMap((service) => {
      const own = letters.filter((letter) => letter.service === service).map(({ value }) => value?.toString() ?? '')
      return compare(`dead letters of ${service}`, poison, new Set(own))
    })
    .concat(
      letters
        .filter(({ service }) => service !== 'raw-sink' && service !== 'normalizer')
        .map(({ service, reason }) => `dead letters: one of ${service}, ${reason}`),
    )
}

const idsOf = (list: readonly Acked[]) => list.map(({ id }) => id)
