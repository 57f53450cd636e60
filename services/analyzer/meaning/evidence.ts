import { innermostList, lastKey } from '#runtime/text/value-path.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { newsKindOf } from '../detect/judge-items.ts'
import type { Found } from '../judge/judge-payload.ts'
import type { Payload } from '../values/payload.ts'
import type { Value } from '../values/value.ts'
import { meaningWith, type OwnMeanings } from './own-polarity.ts'
import type { Meaning, MeaningOf } from './polarity.ts'
import { tellsOfTurn } from './polarity.ts'

/** How many news items of the same kind and measurement there were in the year before, late ones and silent ones too. */
export type Past = {
  /** Of the series. */
  series: number
  /** Of the company's other items. */
  company: number
  /** Of other companies, each on average. */
  others: number
}

/** What a model may know of a news item when it weighs it. */
export type Evidence = {
  kind: 'threshold' | 'changed' | 'appeared' | 'gone'
  /** What the measurement or the list means. */
  meaning: Meaning
  /** How sure the detectors were, 0 to 1; null if they were not asked. */
  score: number | null
  /** Null for items. */
  change: {
    before: Value
    now: Value
    percent: number | null
    isCount: boolean
    isTotal: boolean
    isTurn: boolean
  } | null
  /** Null for values. `ageDays`: how old an item is at least; null if it does not say. */
  items: { count: number; numbers: readonly { number: number; meaning: Meaning }[]; ageDays: number | null } | null
  past: Past
}

const dayMs = 86_400_000

/** What is known of a news item of a payload. */
export function gatherEvidence(
  payload: Payload,
  found: Found,
  { meaningOf, own }: { meaningOf: MeaningOf; own: OwnMeanings },
  past: Past,
): Evidence {
  const meaningOfValue = ({ source_measurement_id: id, measurement_name: name }: ObservedValue) =>
    meaningWith(own, id, meaningOf(name))
  if ('items' in found) {
    const { kind, list, items, values } = found.items
    const numbers = values.flatMap((value) => {
      const number = value.type === 'bool' ? null : value.number
      return number === null ? [] : [{ number, meaning: meaningOfValue(value) }]
    })
    const ageDays = findAge(values, payload.observed_at)
    const meaning = meaningOf(lastKey(list), 'items')
    return {
      ...{ kind: newsKindOf(found.items), meaning, score: null, change: null, past },
      // It is its name that is new.
      items: { count: items.length, numbers, ageDays: kind === 'renamed' ? null : ageDays },
    }
  }
  const { firing, value } = found
  const { kind, before, now, percent, signal } = firing
  const isCount = value.type === 'int'
  const isTurn = isTurnOf(before, now, value)
  const isTotal = found.isTotal === true || isNamedTotal(payload, value)
  const change = { before, now, percent, isCount, isTotal, isTurn }
  return { kind, meaning: meaningOfValue(value), score: signal?.score ?? null, change, items: null, past }
}

/** Not when something was founded: a new investor may be an old company. */
const wasThere = /creat|launch|publish|push|updat|modif|commit|upload|post|announc|open|releas/i

/** In days, by the oldest date at which the item was there. */
function findAge(values: readonly ObservedValue[], now: number): number | null {
  const dates = values.flatMap(({ date, measurement_name: name }) =>
    date !== null && date <= now && wasThere.test(name) ? [date] : [],
  )
  return dates.length === 0 ? null : (now - Math.min(...dates)) / dayMs
}

/** Whether a value sums up a list of the payload by its name, if not by its number: `aggregated_sum_stars` and `repos[].stars`. */
function isNamedTotal({ values }: Payload, { path, measurement_name: name }: ObservedValue): boolean {
  if (innermostList(path) !== null || !/total|sum|aggregat|overall|combined/i.test(`${path} ${name}`)) return false
  const key = lastKey(path).toLowerCase()
  return values.some(({ path: other, number }) => {
    return number !== null && innermostList(other) !== null && key.includes(lastKey(other).toLowerCase())
  })
}

const switches = /deprecat|archiv|discontinu|active|closed|disabled|verified|public/i

function isTurnOf(before: Value, now: Value, { measurement_name: name }: ObservedValue): boolean {
  if (now.kind === 'bool') return switches.test(name)
  const texts = [before, now].map((value) =>
    value.kind === 'text' ? value.text : value.kind === 'set' ? value.members.join(' ; ') : '',
  ) as [string, string]
  return tellsOfTurn(...texts)
}

/** Whether a value is a name rather than a sentence. */
export function isName(value: Value): boolean {
  return value.kind === 'text' && value.text.length <= 60 && value.text.split(/\s+/).length <= 6
}
