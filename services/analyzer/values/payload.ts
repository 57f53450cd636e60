import type { Observation, ObservedValue } from '#schemas/generated/types.ts'
import type { SeriesState } from './series-state.ts'

/** All parts of an observation together. */
export type Payload = Omit<Observation, 'part' | 'parts'>

/** Several steps ask for the series of each payload. */
const known = new WeakMap<Payload, ReadonlyMap<string, ObservedValue>>()

/** The values of a payload, which never change, by series. If a series has several, the last one counts. */
export function seriesOf(payload: Payload): ReadonlyMap<string, ObservedValue> {
  let series = known.get(payload)
  if (!series) {
    series = new Map(payload.values.map((value) => [seriesKey(payload, value), value]))
    known.set(payload, series)
  }
  return series
}

/** Identifies a series, with its company's measurement. */
export function seriesKey(
  { subject_key }: Pick<Payload, 'subject_key'>,
  { company_measurement_id, item_key }: Pick<ObservedValue, 'company_measurement_id' | 'item_key'>,
): string {
  return `${company_measurement_id}\0${subject_key}\0${item_key ?? ''}`
}

export function isLate({ observed_at }: Payload, state: Pick<SeriesState, 'observedAt'> | null): boolean {
  return state !== null && observed_at < state.observedAt
}

export type Subject = Pick<Payload, 'company_id' | 'data_source_id' | 'subject_key'>

/** Identifies what a payload is about: a company, a source and the natural key of the payload's root. */
export function subjectKey({ company_id, data_source_id, subject_key }: Subject): string {
  return `${company_id}\0${data_source_id}\0${subject_key}`
}
