import { newsKindOf } from '../detect/judge-items.ts'
import type { Found } from '../judge/judge-payload.ts'
import type { Payload } from '../values/payload.ts'
import { gatherEvidence } from './evidence.ts'
import { importanceOf, type ModelName, models, soundParts } from './models.ts'
import type { Parts, Weigh } from './importance.ts'
import { isWorthTelling } from './worth.ts'
import type { OwnMeanings } from './own-polarity.ts'
import { compileMeanings, type MeaningOf } from './polarity.ts'
import { type Counted, type PastNews, rememberNews } from './past-news.ts'

/** What news items are weighed by. `tellsAll`: also what is hardly worth telling. */
export type Weighing = { meaningOf: MeaningOf; own: OwnMeanings; weigh: Weigh; past: PastNews; tellsAll: boolean }

export type WeighingSettings = {
  POLARITY: readonly string[]
  IMPORTANCE_MODEL: ModelName
  DEFAULT_DETECTOR: 'insight' | 'percent'
  /** What somebody said of measurements. */
  own?: OwnMeanings
}

export const plainWeighing: WeighingSettings = {
  POLARITY: [],
  IMPORTANCE_MODEL: 'default',
  DEFAULT_DETECTOR: 'insight',
}

/** By the settings. `past`: the news items before those that are weighed. */
export function openWeighing(
  { POLARITY, IMPORTANCE_MODEL, DEFAULT_DETECTOR, own = new Map() }: WeighingSettings,
  past: PastNews = rememberNews(),
): Weighing {
  return {
    ...{ meaningOf: compileMeanings(POLARITY), own },
    weigh: models[IMPORTANCE_MODEL],
    past,
    tellsAll: DEFAULT_DETECTOR === 'percent',
  }
}

/** Weighs a news item by those before it, and counts it for those after it. */
export function weighNews(
  payload: Payload,
  found: Found,
  { meaningOf, own, weigh, past, tellsAll }: Weighing,
): { importance: number; importance_parts: Parts; isWorthTelling: boolean } {
  const counted = countedOf(payload, found)
  const evidence = gatherEvidence(payload, found, { meaningOf, own }, past.count(counted))
  const importance_parts = soundParts(weigh(evidence))
  past.add(counted)
  return {
    ...{ importance: importanceOf(importance_parts), importance_parts },
    isWorthTelling: tellsAll || isWorthTelling(found, evidence, importance_parts),
  }
}

export function countedOf({ company_id, subject_key, observed_at }: Payload, found: Found): Counted {
  const of = { company_id: Number(company_id), subject_key, observed_at }
  if ('items' in found) {
    const { anchor, items } = found.items
    const item_key = items.length === 1 ? items[0]!.key : null
    return {
      ...of,
      kind: newsKindOf(found.items),
      source_measurement_id: anchor.source_measurement_id,
      item_key,
    }
  }
  const { source_measurement_id, item_key } = found.value
  return { ...of, kind: found.firing.kind, source_measurement_id, item_key }
}
