import { isDeepStrictEqual } from 'node:util'
import type { PayloadDescription } from '#runtime/understand/describe-payload.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import type { NewsDifference } from '../trial/judge.ts'
import type { NewsOfTrial } from '../trial/report-trial.ts'
import type { Tried } from '../trial/try-payloads.ts'
import type { TriedMaps } from './try-map.ts'

/** What becomes of the leaves of all documents. `refused_as_a_whole` counts documents. */
type Totals = {
  leaves: number
  stored: number
  null: number
  unmapped: number
  refused: number
  refused_as_a_whole: number
}

/** What becomes of the leaves at a path by one map. `values`: rows that are stored. */
type Side = {
  measurement: string | null
  type: string | null
  values: number
  null: number
  unmapped: number
  refused: number
}

type Shown = string | number | boolean | string[] | null
type Sample = { document: number; item: string | null; before: Shown; after: Shown }
type Refusal = { reason: string; leaves: number; sample: string; remedy: string }

/** A path at which the two maps make something different of the documents. */
export type PathChange = {
  path: string
  before: Side
  after: Side
  /** Values that only the changed map stores, that only the map in force stores, and that both store differently. */
  added: number
  removed: number
  changed: number
  samples: Sample[]
  /** By the changed map. */
  refusals: Refusal[]
}

type News = Omit<NewsOfTrial, 'event_id'> & { document: number }

/** What a changed map makes of documents, compared with the map in force, as if they were sent again now. */
export type MapReport = {
  source: string
  in_force: number | null
  documents: number
  before: Totals
  after: Totals
  paths: PathChange[]
  /** Paths of the documents that are the same by both maps. */
  same: number
  faults: { path: string; message: string }[]
  /** News items that only the changed map makes, those that only the map in force makes, and how many both make. */
  news: { gained: News[]; lost: News[]; same: number } | null
}

const samplesKept = 3

export function reportMaps(
  { name, inForce }: { name: string; inForce: { version: number } | null },
  { eventIds, before, after, faults }: TriedMaps,
  news: NewsDifference | null,
): MapReport {
  const earlier = new Sides(before)
  const later = new Sides(after)
  const paths = [...new Set([...earlier.paths(), ...later.paths()])].sort()
  const changes = paths.flatMap((path) => comparePath(path, earlier, later))
  return {
    ...{ source: name, in_force: inForce?.version ?? null, documents: eventIds.length },
    ...{ before: sumUp(before), after: sumUp(after) },
    ...{ paths: changes, same: paths.length - changes.length, faults },
    news: news && placeNews(eventIds, news),
  }
}

function sumUp(tried: readonly Tried[]): Totals {
  const totals = { leaves: 0, stored: 0, null: 0, unmapped: 0, refused: 0, refused_as_a_whole: 0 }
  for (const { result } of tried) {
    if ('reason' in result) totals.refused_as_a_whole++
    else
      for (const name of ['leaves', 'stored', 'null', 'unmapped', 'refused'] as const)
        totals[name] += result.counts[name]
  }
  return totals
}

type Placed = { document: number; value: ObservedValue }
type Found = { values: Map<string, Placed>; null: number; unmapped: number; refusals: PayloadDescription['refused'] }

/** What one map makes of all documents, by path. */
class Sides {
  readonly #found = new Map<string, Found>()
  constructor(tried: readonly Tried[]) {
    for (const [document, { result, observations }] of tried.entries()) {
      for (const { values } of observations)
        for (const value of values) this.of(value.path).values.set(`${document}/${value.seq}`, { document, value })
      if ('reason' in result) continue
      for (const { path, leaves } of result.null) this.of(path).null += leaves
      for (const { path, leaves } of result.unmapped) this.of(path).unmapped += leaves
      for (const one of result.refused) this.of(one.path).refusals.push(one)
    }
  }

  paths(): Iterable<string> {
    return this.#found.keys()
  }

  of(path: string): Found {
    const known = this.#found.get(path) ?? { values: new Map(), null: 0, unmapped: 0, refusals: [] }
    this.#found.set(path, known)
    return known
  }
}

function comparePath(path: string, earlier: Sides, later: Sides): PathChange[] {
  const [before, after] = [earlier.of(path), later.of(path)]
  const change: PathChange = {
    ...{ path, before: sideOf(before), after: sideOf(after) },
    ...{ added: 0, removed: 0, changed: 0, samples: [], refusals: listRefusals(after.refusals) },
  }
  for (const key of new Set([...before.values.keys(), ...after.values.keys()])) {
    const [was, is] = [before.values.get(key), after.values.get(key)]
    if (was && is && isSameValue(was.value, is.value)) continue
    change[was && is ? 'changed' : is ? 'added' : 'removed']++
    if (change.samples.length >= samplesKept) continue
    const { document, value } = (is ?? was)!
    const item = value.item_key ?? null
    change.samples.push({ document, item, before: shown(was), after: shown(is) })
  }
  return change.samples.length === 0 && isDeepStrictEqual(change.before, change.after) ? [] : [change]
}

function sideOf({ values, null: nulls, unmapped, refusals }: Found): Side {
  const [first] = values.values()
  return {
    ...{ measurement: first?.value.measurement_name ?? null, type: first?.value.type ?? null },
    ...{ values: values.size, null: nulls, unmapped, refused: refusals.reduce((sum, { leaves }) => sum + leaves, 0) },
  }
}

/** Whether both are the same value of the same series. */
function isSameValue(one: ObservedValue, other: ObservedValue): boolean {
  const facts = (value: ObservedValue) => {
    const { company_measurement_id: _, measurement_name: __, item_label: ___, ...rest } = value
    return rest
  }
  return isDeepStrictEqual(facts(one), facts(other))
}

function shown(placed: Placed | undefined): Shown {
  if (!placed) return null
  const { number, text, date, members, type } = placed.value
  if (date !== null) return new Date(date).toISOString()
  if (members !== null) return members
  if (type === 'bool' && number !== null) return number === 1
  return text ?? number
}

function listRefusals(refusals: PayloadDescription['refused']): Refusal[] {
  return [...Map.groupBy(refusals, ({ reason }) => reason)].map(([reason, those]) => ({
    reason,
    leaves: those.reduce((sum, { leaves }) => sum + leaves, 0),
    sample: those[0]!.sample,
    remedy: those[0]!.remedy,
  }))
}

function placeNews(eventIds: readonly string[], { gained, lost, same }: NewsDifference): MapReport['news'] {
  const documentOf = new Map(eventIds.map((id, index) => [id, index]))
  const place = ({ event_id, ...one }: NewsOfTrial): News => ({ document: documentOf.get(event_id) ?? -1, ...one })
  return { gained: gained.map(place), lost: lost.map(place), same }
}
