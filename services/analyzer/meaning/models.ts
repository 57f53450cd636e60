import type { Severity } from '#schemas/generated/types.ts'
import { weighBySize } from './by-size.ts'
import { type Parts, weigh, type Weigh } from './importance.ts'

/** The models that the setting IMPORTANCE_MODEL can name. */
export const models = { default: weigh, 'by-size': weighBySize } satisfies Record<string, Weigh>

export type ModelName = keyof typeof models

/** What a model gets wrong counts as nothing, or as all. */
export function soundParts({ score, size, polarity, rarity }: Parts): Parts {
  const [a, b, c, d] = [score, size, polarity, rarity].map(withinUnit) as [number, number, number, number]
  return { score: a, size: b, polarity: c, rarity: d }
}

/** 0 to 1. */
export function importanceOf({ score, size, polarity, rarity }: Parts): number {
  return score * size * polarity * rarity
}

function withinUnit(part: number): number {
  return part >= 0 ? Math.min(1, part) : 0
}

/** From this importance on a news item is a warning. None is critical unless a rule says so. */
const warnFrom = 0.5

export function severityByImportance(importance: number): Severity {
  return importance >= warnFrom ? 'warning' : 'info'
}
