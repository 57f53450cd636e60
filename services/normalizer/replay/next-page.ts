import type { Firestore } from '@google-cloud/firestore'
import { classify, hasCode } from '#runtime/calls/retry.ts'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { understand } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { Config } from '../config.ts'
import type { Work } from '../ledger/work.ts'
import type { Maps } from '../loaded-maps.ts'
import type { createMonths } from '../store/months.ts'
import type { Memory } from '../store/write-batch.ts'
import { findEvents, type ReplayedEvent } from './find-events.ts'
import { replayPage } from './replay-page.ts'
import {
  endReplay,
  LostReplay,
  moveCursor,
  type Replay,
  replayIdOf,
  setMapVersion,
  uncountAttempt,
} from './replay-table.ts'
import { addFailure, type Report } from './report.ts'

/** Payloads in one transaction: what comes in about the same companies waits for its end. */
const pageSize = 100

/** After so many attempts at one place it goes on payload by payload. */
const attemptsTogether = 3

/** A company or a source has gone, or another transaction was first: as in the live store. */
const overtaken = ['23503', '23514', '23505']

type Deps = {
  config: Config
  database: Database
  firestore: Firestore
  maps: Maps
  memory: Memory
  months: ReturnType<typeof createMonths>
  runner: string
  /** Sends what the replay has changed. Resolves to whether there is more. */
  send(): Promise<boolean>
}

/** Does the next page of a replay, or ends it. Returns how many payloads it had. */
export async function takeStep({ firestore, send, ...deps }: Deps, replay: Replay): Promise<number> {
  const { database, runner } = deps
  const version = await findVersion(deps, replay)
  if (version === 'gone') return 0
  const alone = replay.attempts > attemptsTogether
  const events = await findEvents(database, replay, alone ? 1 : Math.min(pageSize, replay.rate ?? pageSize))
  if (events.length === 0) {
    if (!(await send())) await endReplay(database, replay, 'done', '')
    return 0
  }
  const report = structuredClone(replay.report)
  const { read, batch } = await readWork(firestore, deps, replay, { events, version, report })
  const last = events[read - 1]!
  const progress = { cursor: { at: last.received, no: last.event_no }, done: replay.done + read }
  const note = (tx: Transaction, found: Report) => moveCursor(tx, replay, runner, { ...progress, report: found })
  try {
    if (replay.mode !== 'compare') await deps.months.ensure(monthsOf(batch, events), [])
    await replayPage(database, { ...deps, mode: replay.mode, batch }, report, note)
  } catch (error) {
    // What this process did of it is undone, and the page comes again.
    if (error instanceof LostReplay) return 0
    if (hasCode(error, ...overtaken)) {
      deps.memory.series.forget()
      deps.months.forget()
    } else if (classify(error) !== 'poison') throw error
    if (!alone) return 0
    addFailure(report, events[0]!.event_id, 'failed', (error as Error).message)
    await database.transaction((tx) => note(tx, report))
  }
  return read
}

/** When what is understood was observed: of payloads that were refused, there may be no values of that month yet. */
function monthsOf(batch: readonly Work[], events: readonly ReplayedEvent[]): number[] {
  const times = new Map(events.map(({ event_id, observed_at }) => [event_id, observed_at]))
  return batch.flatMap(({ payload, result }) => ('reason' in result ? [] : (times.get(payload.event_id) ?? [])))
}

type Page = { events: readonly ReplayedEvent[]; version: number | null; report: Report }

/** Reads the payloads of the first `read` events. What cannot be read is added to the report. */
async function readWork(
  firestore: Firestore,
  { config, database, maps }: Pick<Deps, 'config' | 'database' | 'maps'>,
  replay: Replay,
  { events, version, report }: Page,
): Promise<{ read: number; batch: Work[] }> {
  // It loads the client, which takes a second and 60 MB.
  const { readPayloads, UnreadableDocument } = await import('#runtime/firestore/read-payload.ts')
  const read = await readPayloads(
    firestore,
    events.map(({ document }) => document),
  ).catch(async (error: unknown) => {
    if (classify(error) === 'transient') await uncountAttempt(database, replay)
    throw error
  })
  const batch: Work[] = []
  for (const [index, payload] of read.entries()) {
    const event = events[index]!
    if (payload instanceof UnreadableDocument)
      addFailure(report, event.event_id, 'unreadable-document', payload.message)
    else
      batch.push(await workOf({ config, maps }, replay, payload, version ?? event.map_version ?? payload.map_version))
  }
  return { read: read.length, batch }
}

/** The version of the map for all payloads; null: each has its own. */
async function findVersion(
  { database, maps }: Pick<Deps, 'database' | 'maps'>,
  replay: Replay,
): Promise<number | null | 'gone'> {
  if (replay.map === 'then') return null
  if (replay.map_version !== null) return replay.map_version
  const map = await maps.find(replay.data_source_id, replay.map === 'now' ? null : Number(replay.map))
  if (typeof map === 'string') {
    const what = replay.map === 'now' ? 'The source has no map' : `The map of the source has no version ${replay.map}`
    await endReplay(database, replay, 'failed', `${what}.`)
    return 'gone'
  }
  await setMapVersion(database, replay, map.version)
  return map.version
}

async function workOf(
  { config, maps }: Pick<Deps, 'config' | 'maps'>,
  replay: Replay,
  payload: RawPayload,
  map_version: number | null,
): Promise<Work> {
  // The version of all payloads may be one that another process began with, and that this one has yet to read.
  const find = async (version: number) =>
    replay.map === 'then'
      ? (maps.get(payload.data_source_id, version) ?? 'map-missing')
      : maps.find(payload.data_source_id, version)
  const marked = { ...payload, replay: { replay_id: replayIdOf(replay), reason: replay.reason, map_version } }
  const map = map_version === null ? 'no-map' : await find(map_version)
  return { payload: marked, result: understand(marked, map, config) }
}
