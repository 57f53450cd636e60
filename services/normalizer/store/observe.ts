import { cutStorable, sha256 } from '#runtime/read/json-text.ts'
import type { Observation, ObservedValue } from '#schemas/generated/types.ts'
import type { ValueRow } from './values.ts'
import type { StoredPayload } from './written.ts'

type PartLimits = { values: number; bytes: number }

/** Constants, not settings: changed limits would cut parts differently when they are sent again. */
export const partLimits: PartLimits = { values: 5000, bytes: 1024 * 1024 }

/**
 * The observations of a payload, made from what is stored, so they are the same at each delivery: one per part. A
 * payload without values is one empty part, so that gone items are noticed. A replay has only the values it brought.
 * There is none for a replay that changed nothing, or a payload refused as a whole.
 */
export function observe(
  { event_no, row, values, hasReplaced = false }: StoredPayload,
  names: ReadonlyMap<number, string>,
  limits: PartLimits,
): Observation[] {
  const isReplay = row.replay_id !== ''
  if (row.reason !== null || row.map_version === null || (isReplay && values.length === 0 && !hasReplaced)) return []
  const observed = values.map((value) => observedValue(value, names))
  const parts = isSmall(observed, limits)
    ? [observed]
    : split(
        observed.map((value, index) => fit(value, (values[index] as ValueRow).text, limits)),
        limits,
      )
  return parts.map((part, index) => ({
    event_id: row.event_id,
    event_no,
    part: index + 1,
    parts: parts.length,
    data_source_id: row.data_source_id,
    source_name: row.source_name,
    company_id: row.company_id,
    task_id: row.task_id,
    map_version: row.map_version as number,
    observed_at: row.observed_at as number,
    history: row.history,
    replay_id: isReplay ? row.replay_id : null,
    subject_key: row.subject_key,
    values: part,
    refused: row.refused,
    empty_lists: index === parts.length - 1 ? (row.empty_lists ?? []) : [],
  }))
}

function observedValue(value: ValueRow, names: ReadonlyMap<number, string>): ObservedValue {
  return {
    seq: value.seq,
    source_measurement_id: value.source_measurement_id,
    company_measurement_id: value.company_measurement_id,
    measurement_name: names.get(value.source_measurement_id) ?? '',
    type: value.type,
    path: value.path,
    item_key: value.item_key,
    item_label: value.item_label,
    number: value.number,
    text: value.members === null ? value.text : null,
    date: value.date,
    members: value.members,
  }
}

/** Whether all values surely fit in one part. Only large payloads are measured value by value. */
function isSmall(values: readonly ObservedValue[], limits: PartLimits): boolean {
  if (values.length > limits.values) return false
  let bytes = 0
  for (const { measurement_name, type, path, item_key, item_label, text, members } of values) {
    const length = measurement_name.length + type.length + path.length + lengthOf(item_key) + lengthOf(item_label)
    // A UTF-16 unit takes at most three bytes of UTF-8.
    bytes += 85 + 3 * (length + lengthOf(text) + (members ?? []).reduce((sum, member) => sum + 2 + member.length, 0))
  }
  return bytes <= limits.bytes
}

const lengthOf = (text: string | null) => text?.length ?? 0

/** A value too large for a record is cut to its beginning and a hash. The whole is in `normalizer.value`. */
function fit(value: ObservedValue, text: string | null, { bytes }: PartLimits): ObservedValue {
  if (text === null || sizeOf(value) <= bytes) return value
  return { ...value, text: `${cutStorable(text, 1000)}… ${sha256(text)}`, members: null }
}

function split(values: ObservedValue[], limits: PartLimits): ObservedValue[][] {
  const parts: ObservedValue[][] = [[]]
  let bytes = 0
  for (const value of values) {
    const size = sizeOf(value)
    const open = parts.at(-1) as ObservedValue[]
    if (open.length > 0 && (open.length >= limits.values || bytes + size > limits.bytes)) {
      parts.push([value])
      bytes = size
    } else {
      open.push(value)
      bytes += size
    }
  }
  return parts
}

/** At least what the value takes in Avro. */
function sizeOf(value: ObservedValue): number {
  const texts = [
    value.measurement_name,
    value.type,
    value.path,
    value.item_key,
    value.item_label,
    value.text,
    ...(value.members ?? []),
  ]
  return texts.reduce((sum, text) => sum + 5 + (text === null ? 0 : Buffer.byteLength(text)), 50)
}
