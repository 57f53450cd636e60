import { readFileSync } from 'node:fs'
import type { ObservedValue } from '#schemas/generated/types.ts'
import type { SubjectState } from '../../../services/analyzer/detect/judge-items.ts'
import type { SeriesState } from '../../../services/analyzer/values/series-state.ts'

/**
 * What the analyzer at d70bed0 had stored after a year of weekly payloads that ended with `values`, while the rule with
 * this definition was in force.
 */
type Before = {
  definition: object
  /** Of the last payload, ms since 1970. */
  observed_at: number
  values: ObservedValue[]
  series: { key: [companyMeasurement: string, subject: string, item: string]; state: SeriesState }[]
  subject: SubjectState
}

export const before = JSON.parse(
  readFileSync(new URL('states-of-before.json', import.meta.url), 'utf8'),
) as Readonly<Before>

const changes: Record<string, Partial<ObservedValue>> = {
  stars: { number: 2500 },
  rating: { text: 'AA+' },
  size: { text: '5,001-10,000 employees' },
}

/** The values of the payloads after the upgrade: the same, the same written otherwise, and changed ones. */
export const valuesAfter: ObservedValue[][] = [
  before.values,
  before.values.map((value) => ({
    ...rewrite(value),
    text: value.text && value.text.toUpperCase(),
    members: value.members && value.members.map((member) => decode(member).toUpperCase()).reverse(),
  })),
  before.values.map((value) => ({ ...rewrite(value), ...changes[value.measurement_name] })),
]

/** The news items of the last of these payloads. The others have none. */
export const newsAfter = [
  { kind: 'threshold', rule_id: 'rule/1', rule_version: 1, current: '2,500' },
  { kind: 'changed', rule_id: null, rule_version: null, current: 'AA+' },
  { kind: 'changed', rule_id: null, rule_version: null, current: '5,001-10,000 employees' },
]

function rewrite(value: ObservedValue): ObservedValue {
  return { ...value, item_key: value.item_key && decode(value.item_key) }
}

function decode(text: string): string {
  return text.replaceAll('&amp;', '&').normalize('NFC')
}
