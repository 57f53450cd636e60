import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { findCompany, findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { sha256 } from '#runtime/read/json-text.ts'
import { isHistory } from '#runtime/read/payload-rules.ts'
import { compileMap, type LoadedMap } from '#runtime/understand/compile-map.ts'
import { describePayload } from '#runtime/understand/describe-payload.ts'
import { normalize } from '#runtime/understand/normalize.ts'
import { findSubject } from '#runtime/understand/subject.ts'
import { understand } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { trialSettings } from '../config.ts'
import type { Work } from '../ledger/work.ts'
import { type Body, readBodies } from './read-bodies.ts'
import { type Tried, tryPayloads } from './try-payloads.ts'

/** A text with payloads. `name`: of its file. `company`: whose they are, where they do not say it. */
export type Asked = { text: string; name: string; source: string; company?: string | undefined }

/** A payload and what would become of it. `tried` null: the edge would not take it, and `body.fault` says why. */
export type Trial = { body: Body; eventId: string; tried: Tried | null }
export type FileTrial = { source: string; mapVersion: number | null; trials: Trial[] }

type Config = { [name in keyof typeof trialSettings]: z.output<(typeof trialSettings)[name]> }
type Source = { id: number; name: string; map: LoadedMap | null }

/** Tries payloads by a map alone, each as if its source was seen for the first time. Needs no database. */
export function tryByMap({ text, name, source, company = '' }: Asked, content: string): FileTrial {
  const config = readEnv(trialSettings)
  const map = { version: 1, compiled: compileMap(content) }
  const bodies = readBodies(text, name, source, company === '' ? null : company, Date.now())
  const trials = bodies.map((body) => tryAlone(body, workOf(config, body, { id: 0, name: source, map })))
  return { source, mapVersion: null, trials }
}

/** Tries payloads by the newest map of their source and what is stored. One that names no company is tried alone. */
export function tryWithStored(asked: Asked): Promise<FileTrial> {
  const config = readEnv(trialSettings)
  return withDatabase(async (database) => {
    const source = await readSource(database, asked.source)
    const company = asked.company === undefined ? null : String(await findCompany(database, asked.company))
    const bodies = readBodies(asked.text, asked.name, source.name, company, Date.now())
    const works = bodies.map((body) => ({ body, work: workOf(config, body, source) }))
    const isWhole = ({ fault, company }: Body) => fault === null && company !== null
    const whole = works.filter(({ body }) => isWhole(body)).map(({ work }) => work)
    const tried = await tryPayloads(config, database, () => Promise.resolve(whole))
    const byWork = new Map(whole.map((work, index) => [work, tried[index]!]))
    const trials = works.map(({ body, work }): Trial => {
      const own = byWork.get(work)
      return own ? { body, eventId: work.payload.event_id, tried: own } : tryAlone(body, work)
    })
    return { source: source.name, mapVersion: source.map?.version ?? null, trials }
  })
}

function workOf(config: Config, body: Body, source: Source): Work {
  const payload = payloadOf(body, source)
  return { payload, result: understand(payload, source.map ?? 'no-map', config) }
}

/** A payload as the edge would send it now. */
export function payloadOf(
  { bytes, company, observedAt }: Pick<Body, 'bytes' | 'company' | 'observedAt'>,
  { id, name }: Pick<Source, 'id' | 'name'>,
): RawPayload {
  const receivedAt = Date.now()
  return {
    event_id: randomUUID(),
    received_at: receivedAt,
    observed_at: observedAt,
    history: isHistory(receivedAt, observedAt),
    data_source_id: id,
    source_name: name,
    company_id: company ?? '0',
    task_id: null,
    body: bytes,
    content_hash: sha256(bytes.toString('latin1')),
    map_version: null,
    replay: null,
  }
}

function tryAlone(body: Body, { payload, result }: Work): Trial {
  const eventId = payload.event_id
  if (body.fault !== null) return { body, eventId, tried: null }
  const observed_at = payload.observed_at ?? payload.received_at
  if ('reason' in result) return { body, eventId, tried: { observed_at, subject_key: '', result, observations: [] } }
  const { data, map } = result
  const description = describePayload(data, map, normalize(data, map))
  const { key: subject_key } = findSubject(data, [])
  return { body, eventId, tried: { observed_at, subject_key, result: description, observations: [] } }
}

const mapRow = z.object({ name: z.string(), version: z.number().nullable(), content: z.string().nullable() })

async function readSource(database: Database, text: string): Promise<Source> {
  const id = await findSource(database, text)
  const { name, version, content } = await database.one(sql.type(mapRow)`
    SELECT s.source_name AS name, m.version, m.content
    FROM public.data_source s
    LEFT JOIN edge.normalization_map m ON m.data_source_id = s.id AND m.published_at IS NOT NULL
    WHERE s.id = ${id} ORDER BY m.version DESC LIMIT 1`)
  return { id, name, map: version === null ? null : { version, compiled: compileMap(content!) } }
}
