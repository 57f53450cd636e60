import { randomUUID } from 'node:crypto'
import { services as serviceNames, type ServiceName } from '../../deploy/local/config.ts'
import { onCleanup } from './cleanup.ts'
import { countAll, type Counts, describeOpen, type Place } from './counts.ts'
import type { TestDatabase } from './database.ts'
import { createInstallation, type Installation } from './installation.ts'
import { unique } from './mailbox.ts'
import { type Crawl, type MiningModule, type ModuleMap, postJson, startModule } from './module.ts'
import { superviseService, type SupervisedService } from './supervised.ts'
import type { TestTopics } from './topics.ts'
import { waitFor } from './wait-for.ts'

export type SystemOptions = {
  /** The data source has the name of the map. */
  map: ModuleMap
  /** How many companies there are. */
  companies: number
  /** What the module does when the scheduler calls it. */
  crawl?: Crawl
  /** Added to the environment of the services, and of one of them alone. */
  env?: NodeJS.ProcessEnv
  envOf?: (name: ServiceName, installation: Installation) => Promise<NodeJS.ProcessEnv>
  /** Makes its topics; by default on the stack's broker. */
  makeTopics?: () => Promise<TestTopics>
  /** Called before the services start. */
  prepare?: (installation: Installation) => Promise<void>
  /** The folder of another version whose services run. */
  from?: string
}

type Fed = { status: number; document_id: string | null; body: string }

export type System = Installation & {
  module: MiningModule
  services: Services
  edgeUrl: string
  /** Where feeds go in turn: one edge, unless a test adds others. */
  edgeUrls: string[]
  sourceId: number
  companies: { id: number; name: string }[]
  /** The mail address of the one person, who follows all companies. */
  address: string
  channel: string
  /** Posts a payload of a company, by its index, with the token of the run. Rejects when there is no answer. */
  feed(company: number, rawData: unknown, more?: Record<string, unknown>): Promise<Fed>
  /** Starts another run: later feeds belong to it. */
  newRun(): Promise<void>
  counts(): Promise<Counts>
  /** Resolves with the counts when all of `fed` different payloads have arrived everywhere. */
  settled(fed: number, deadlineMs?: number): Promise<Counts>
}

/**
 * All six services under supervision on their own installation, a data source after its handshake, companies, and a
 * person who gets their news by e-mail and Slack. The scheduler works when triggered, not by its own clock. All of it
 * is removed when the test is over.
 */
export async function startSystem({
  map,
  companies: count,
  crawl,
  env = {},
  envOf,
  makeTopics,
  prepare,
  from,
}: SystemOptions): Promise<System> {
  const installation = await createInstallation(makeTopics)
  const { database, parma } = installation
  await prepare?.(installation)
  const settings = {
    TICK_SECONDS: '600',
    FIRST_RUN_QUIET_SECONDS: '0',
    BUNDLE_WINDOW_MS: '0',
    COOL_DOWN_MS: '0',
    ...env,
  }
  const services = await startServices(installation, settings, from, envOf)
  const edgeUrl = services.edge.url
  const module = await startModule(() => edgeUrl, map, crawl)
  onCleanup(async () => module[Symbol.asyncDispose]())

  const source = ['--name', map.Source, '--endpoint', module.endpoint, '--frequency', 'weekly']
  const { id: sourceId } = JSON.parse(await parma('sources', 'add', ...source, '--json')) as { id: number }
  const companies = await addCompanies(database, count)
  const reader = await addReader(database)
  await shakeHands(edgeUrl, module.endpoint, sourceId)

  const mint = async () => `Bearer ${(await parma('token', 'mint', '--source', map.Source)).trim()}`
  let token = await mint()
  const edgeUrls = [edgeUrl]
  let feeds = 0
  const place: Place = { ...installation, source: map.Source, ...reader }
  return {
    ...installation,
    ...reader,
    ...{ module, services, edgeUrl, edgeUrls, sourceId, companies },
    async feed(company, raw_data, more = {}) {
      const company_id = String(companies[company]?.id)
      const body = { source_name: map.Source, company_id, raw_data, ...more }
      const answer = await postJson(`${edgeUrls[feeds++ % edgeUrls.length]}/feed-raw-data`, token, body)
      const { document_id = null } = (await answer.json().catch(() => ({}))) as { document_id?: string | null }
      return { status: answer.status, document_id, body: JSON.stringify(body) }
    },
    newRun: async () => void (token = await mint()),
    counts: () => countAll(place),
    async settled(fed, deadlineMs = 60_000) {
      let open: string[] = []
      await waitFor(
        `${fed} payloads to come all the way`,
        async () => {
          open = await describeOpen(place, fed)
          if (open.length > 0) throw new Error(open.join('; '))
          return true
        },
        deadlineMs,
      )
      return countAll(place)
    },
  }
}

export type Services = Record<ServiceName, SupervisedService>

/** All six services of an installation, under supervision and ready. */
export async function startServices(
  installation: Installation,
  env: NodeJS.ProcessEnv = {},
  from?: string,
  envOf?: SystemOptions['envOf'],
): Promise<Services> {
  const started = serviceNames.map(async (name) => [
    name,
    await superviseService(name, { ...installation.env, ...env, ...(await envOf?.(name, installation)) }, from),
  ])
  return Object.fromEntries(await Promise.all(started)) as Services
}

async function addCompanies(database: TestDatabase, count: number): Promise<{ id: number; name: string }[]> {
  const names = Array.from({ length: count }, (_, index) => `Company ${index + 1}`)
  return database.query(
    'INSERT INTO company (name, modified_at) SELECT unnest, now() FROM unnest($1::text[]) RETURNING id, name',
    [names],
  )
}

/** A person who follows every company. */
async function addReader(database: TestDatabase): Promise<{ address: string; channel: string }> {
  const name = unique('reader')
  const [address, channel] = [`${name}@example.com`, name]
  const insertUser = `INSERT INTO "user" (auth_id, name, modified_at) VALUES ($1, $2, now()) RETURNING id`
  const [user] = await database.query<{ id: number }>(insertUser, [randomUUID(), name])
  await database.query(
    `WITH channel AS (
       INSERT INTO notification_channel (channel_type, destination, modified_at)
       VALUES ('EMAIL', $2, now()), ('SLACK', $3, now()) RETURNING id
     )
     INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at)
     SELECT $1, id, 'NOTIFICATION', now() FROM channel`,
    [user?.id, address, channel],
  )
  await database.query(
    'INSERT INTO company_subscription (user_id, company_id, modified_at) SELECT $1, id, now() FROM company',
    [user?.id],
  )
  return { address, channel }
}

async function shakeHands(edgeUrl: string, endpoint: string, sourceId: number): Promise<void> {
  const url = `${edgeUrl}/handshake?invocation_endpoint=${encodeURIComponent(endpoint)}&data_source_id=${sourceId}`
  const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) })
  if (answer.status !== 200) throw new Error(`the handshake was answered ${answer.status}: ${await answer.text()}`)
}
