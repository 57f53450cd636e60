import { cutStorable, sampleLength } from '../read/json-text.ts'
import type { LedgerRow } from '../ledger/ledger-rows.ts'
import type { Value } from '../understand/normalize.ts'
import type { Matched } from '../ledger/work.ts'
import type { Refusal } from './refusals.ts'
import type { SeriesIds } from '../series/series-cache.ts'
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
export function splitLeaves(
  { payload, result, row, first }: Matched,
  series: SeriesIds,
  present: PresentLeaves,
): Split {
  const { event_no, observed_at } = first
  const { data_source_id, company_id } = row
  const base = { event_no, superseded_by: null, data_source_id, company_id, map_version: result.mapVersion }
  const split = (values: NewValue[], refusals: Refusal[]): Split => ({
    row,
    brought: {
      event_no,
      replay_no: payload.replay ? row.event_no : null,
      observed_at,
      company_id: Number(company_id),
      data_source_id,
      subject_key: row.subject_key,
      values,
    },
    refusals,
  })
  row.map_version = result.mapVersion
  if ('reason' in result) {
    row.reason = result.reason
    const refusal = {
      ...base,
      seq: null,
      leaves: 0,
      path: '',
      item_key: null,
      reason: result.reason,
      sample: result.sample,
    }
    return split([], [refusal])
  }
  const { normalized } = result
  const storable = normalized.values.filter(({ entry }) => series.has(entry.id))
  // The measurement is gone, or belongs to another source.
  const lost = normalized.values.filter(({ entry }) => !series.has(entry.id))
  const refused = [
    ...normalized.refused,
    ...lost.map((value) => ({
      ...value,
      reason: 'unknown-measurement',
      sample: cutStorable(sampleOf(value), sampleLength),
    })),
  ]
  row.subject_key = normalized.subjectKey
  row.stored = leavesOf(storable)
  row.refused = leavesOf(refused)
  row.nulls = normalized.nulls.length
  row.unmapped = normalized.unmapped.length

  const leaves = present.get(first.event_no)
  const values = storable
    .filter((place) => !leaves?.has(leafOf(place)))
    .map(({ entry, item, seq, path, number, text, date, members, column }): NewValue => ({
      seq,
      company_measurement_id: series.get(entry.id) as number,
      source_measurement_id: entry.id,
      type: entry.type,
      path,
      item_key: item?.key ?? null,
      item_label: item?.label ?? null,
      number,
      text,
      date,
      members,
      column,
    }))
  const refusals = refused
    .filter((place) => !leaves?.has(leafOf(place)))
    .map(({ seq, leaves, path, item, reason, sample }) => ({
      ...base,
      seq,
      leaves,
      path,
      item_key: item?.key ?? null,
      reason,
      sample,
    }))
  for (const value of values) leaves?.add(leafOf(value))
  return split(values, refusals)
}

function leavesOf(places: readonly { leaves: number }[]): number {
  return places.reduce((sum, { leaves }) => sum + leaves, 0)
}

function sampleOf({ number, text, date }: Value): string {
  return text ?? (date === null ? String(number) : new Date(date).toISOString())
}
