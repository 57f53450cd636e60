import { classify, hasCode } from '#runtime/calls/retry.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { understand } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { Config } from '../config.ts'
import type { Work } from '../ledger/work.ts'
import type { Maps } from '../loaded-maps.ts'
import type { createMonths } from '../store/months.ts'
import { overtaken } from '../store/store.ts'
import type { Memory } from '../store/write-batch.ts'
import type { StoredPayload } from '../store/written.ts'
import type { PageReader, Read } from './read-page.ts'
import { replayPage } from './replay-page.ts'
import {
  endReplay,
  LostReplay,
  moveCursor,
  noteFound,
  type Replay,
  replayIdOf,
  setMapVersion,
  uncountAttempt,
} from './replay-table.ts'
import { addFailure, emptyReport, mergeReport, type Report } from './report.ts'

/** Live payloads about the same companies wait for the end of a page. */
const goalMs = 200

const [fewest, most] = [10, 500]

/** How many payloads a page of a replay has, so that its transaction lasts about as long as live payloads may wait. */
export class Pace {
  #count = 100

  get count(): number {
    return this.#count
  }

  /** `tookMs`: how long a page of `count` payloads took. */
  note(count: number, tookMs: number): void {
    const fitting = Math.round((count * goalMs) / Math.max(1, tookMs))
    // One fast page says little, and a slow one that pages must be smaller now.
    this.#count = Math.min(most, Math.max(fewest, Math.min(fitting, 2 * this.#count)))
  }
}

/** After so many attempts at one place it goes on payload by payload. */
const attemptsTogether = 3

type Deps = {
  config: Config
  database: Database
  maps: Maps
  memory: Memory
  months: ReturnType<typeof createMonths>
  reader: PageReader
  pace: Pace
  runner: string
}

/** A page that is done: how many payloads it had, and those whose values have changed. */
type Done = { count: number; changed: readonly StoredPayload[] }
const nothing: Done = { count: 0, changed: [] }

/** Does the next page of a replay. Null: there are no more. */
export async function takeStep({ reader, pace, ...deps }: Deps, replay: Replay): Promise<Done | null> {
  const { database, runner } = deps
  const version = await findVersion(deps, replay)
  if (version === 'gone') return nothing
  const alone = replay.attempts > attemptsTogether
  const count = Math.min(pace.count, replay.rate ?? pace.count)
  const page = await (alone ? reader.readOne(replay) : reader.read(replay, count)).catch(async (error: unknown) => {
    if (classify(error) === 'transient') await uncountAttempt(database, replay)
    throw error
  })
  if (page.length === 0) return null
  const { event: last } = page.at(-1)!
  const cursor = { at: last.received, no: last.event_no }
  if (!alone) reader.readAhead({ ...replay, cursor_at: cursor.at, cursor_no: cursor.no }, count)
  const found = emptyReport()
  const batch = await understandPage(deps, replay, { page, version, found })
  const progress = { cursor, done: replay.done + page.length }
  const move = (more: readonly Report[]) => {
    for (const one of more) mergeReport(found, one)
    return database.transaction((tx) => moveCursor(tx, replay, runner, { ...progress, found }))
  }
  try {
    if (replay.mode !== 'compare') await deps.months.ensure(monthsOf(batch, page), [])
    const begun = performance.now()
    const replayed = await replayLanes(deps, replay, batch)
    await move(replayed.map((one) => one.found))
    if (!alone) pace.note(page.length, performance.now() - begun)
    return { count: page.length, changed: replayed.flatMap(({ changed }) => changed) }
  } catch (error) {
    // What was not noted is undone. The ledger knows the rest, whoever takes the page again.
    if (error instanceof LostReplay) return nothing
    if (hasCode(error, ...overtaken)) {
      deps.memory.series.forget()
      deps.months.forget()
    } else if (classify(error) !== 'poison') throw error
    if (!alone) return nothing
    addFailure(found, last.event_id, 'failed', (error as Error).message)
    await move([])
    return { count: page.length, changed: [] }
  }
}

/**
 * Replays a page in two transactions at a time. Payloads of one company stay together: each waits for the clock of its
 * company. What one of them did when the other fails is known by the ledger when the page comes again.
 */
async function replayLanes(
  deps: Pick<Deps, 'config' | 'database' | 'memory' | 'runner'>,
  replay: Replay,
  batch: readonly Work[],
) {
  const byCompany = [...Map.groupBy(batch, ({ payload }) => payload.company_id).values()]
  const lanes = [0, 1]
    .map((lane) => byCompany.filter((_, index) => index % 2 === lane).flat())
    .filter((lane) => lane.length > 0)
  const replayed = await Promise.allSettled(
    lanes.map((lane) =>
      replayPage(deps.database, { ...deps, mode: replay.mode, batch: lane }, (tx, found) =>
        noteFound(tx, replay, deps.runner, found),
      ),
    ),
  )
  return replayed.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** When what is understood was observed: of payloads that were refused, there may be no values of that month yet. */
function monthsOf(batch: readonly Work[], page: readonly Read[]): number[] {
  const times = new Map(page.map(({ event }) => [event.event_id, event.observed_at]))
  return batch.flatMap(({ payload, result }) => ('reason' in result ? [] : (times.get(payload.event_id) ?? [])))
}

type Page = { page: readonly Read[]; version: number | null; found: Report }

/** Understands the payloads. What could not be read is added to what was found. */
async function understandPage(
  deps: Pick<Deps, 'config' | 'maps'>,
  replay: Replay,
  { page, version, found }: Page,
): Promise<Work[]> {
  const batch: Work[] = []
  for (const { event, payload } of page) {
    if (payload instanceof Error) addFailure(found, event.event_id, 'unreadable-document', payload.message)
    else batch.push(await workOf(deps, replay, payload, version ?? event.map_version ?? payload.map_version))
  }
  return batch
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
