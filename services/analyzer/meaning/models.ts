import type { Severity } from '#schemas/generated/types.ts'
import { weighBySize } from './by-size.ts'
import { type Parts, weigh, type Weigh } from './importance.ts'

/** The models that the setting IMPORTANCE_MODEL can name. */
export const models = { default: weigh, 'by-size': weighBySize } satisfies Record<string, Weigh>

export type ModelName = keyof typeof models

/** 0 to 1. What a model gets wrong counts as nothing. */
export function importanceOf({ score, size, polarity, rarity }: Parts): number {
  return [score, size, polarity, rarity].reduce((product, part) => product * withinUnit(part), 1)
}

function withinUnit(part: number): number {
  return Number.isNaN(part) ? 0 : Math.min(1, Math.max(0, part))
}

/** From this importance on a news item is a warning. None is critical unless a rule says so. */
const warnFrom = 0.5

export function severityByImportance(importance: number): Severity {
  return importance >= warnFrom ? 'warning' : 'info'
}
