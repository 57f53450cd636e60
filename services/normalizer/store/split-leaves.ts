import { cutStorable, sampleLength } from '#runtime/read/json-text.ts'
import type { Value } from '#runtime/understand/normalize.ts'
import type { LedgerRow } from '../ledger/ledger-rows.ts'
import type { Matched } from '../ledger/work.ts'
import type { SeriesIds } from '../series/series-cache.ts'
import type { Refusal } from './refusals.ts'
import type { NewValue, NewValues } from './values.ts'

/** The stored leaves of replayed events, as leafOf names them, by event_no. */
export type PresentLeaves = ReadonlyMap<number, Set<string>>

/**
 * Names a leaf of a payload for any map. The position alone is not enough: a value of several leaves begins where its
 * first leaf is, and another map may take that leaf by itself.
 */
export function leafOf({ seq, path }: { seq: number; path: string }): string {
  return `${seq} ${path}`
}

/** The rows of one payload. */
export type Split = { row: LedgerRow; brought: NewValues; refusals: Refusal[] }

/**
 * Splits a payload into values and refusals, and sets the counts of its ledger row. Leaves in `present` are stored
 * already and left out; new ones are added to it.
 */
export function splitLeaves(matched: Matched, series: SeriesIds, present: PresentLeaves): Split {
  const { result, row, first } = matched
  row.map_version = result.mapVersion
  if ('reason' in result) {
    const { reason, sample } = result
    row.reason = reason
    const whole = { seq: null, leaves: 0, path: '', item: null, reason, sample }
    return { row, brought: valuesOf(matched, []), refusals: [refusalOf(matched, whole)] }
  }
  const { normalized } = result
  const storable = normalized.values.filter(({ entry }) => series.has(entry.id))
  // The measurement is gone, or belongs to another source.
  const lost = normalized.values.filter(({ entry }) => !series.has(entry.id))
  const refused = [
    ...normalized.refused,
    ...lost.map((value) => ({ ...value, reason: 'unknown-measurement', sample: sampleOf(value) })),
  ]
  row.stored = leavesOf(storable)
  row.refused = leavesOf(refused)
  row.nulls = normalized.nulls.length
  row.unmapped = normalized.unmapped.length

  const leaves = present.get(first.event_no)
  const isNew = (place: { seq: number; path: string }) => !leaves?.has(leafOf(place))
  const values = storable.filter(isNew).map((value) => toNewValue(value, series.get(value.entry.id) as number))
  const refusals = refused.filter(isNew).map((place) => refusalOf(matched, place))
  for (const value of values) leaves?.add(leafOf(value))
  return { row, brought: valuesOf(matched, values), refusals }
}

function valuesOf({ payload, row, first }: Matched, values: readonly NewValue[]): NewValues {
  return {
    event_no: first.event_no,
    replay_no: payload.replay ? row.event_no : null,
    generation_no: null,
    observed_at: first.observed_at,
    company_id: Number(row.company_id),
    data_source_id: row.data_source_id,
    subject_key: row.subject_key,
    values,
  }
}

function toNewValue(value: Value, company_measurement_id: number): NewValue {
  const { entry, item, seq, path, number, text, date, members, column } = value
  return {
    ...{ seq, company_measurement_id, source_measurement_id: entry.id, type: entry.type, path },
    ...{ item_key: item?.key ?? null, item_label: item?.label ?? null, number, text, date, members, column },
  }
}

type Unstored = Pick<Refusal, 'seq' | 'leaves' | 'path' | 'reason' | 'sample'> & { item: { key: string } | null }

function refusalOf({ result, row, first }: Matched, { seq, leaves, path, item, reason, sample }: Unstored): Refusal {
  return {
    ...{ event_no: first.event_no, superseded_by: null, seq, leaves },
    ...{ data_source_id: row.data_source_id, company_id: row.company_id, map_version: result.mapVersion },
    ...{ path, item_key: item?.key ?? null, reason, sample },
  }
}

function leavesOf(places: readonly { leaves: number }[]): number {
  return places.reduce((sum, { leaves }) => sum + leaves, 0)
}

function sampleOf({ number, text, date }: Value): string {
  const sample = text ?? (date === null ? String(number) : new Date(date).toISOString())
  return cutStorable(sample, sampleLength)
}
