import type { Severity } from '#schemas/generated/types.ts'

/** What decides the place of a news item among others. */
export type RankedNews = {
  severity: Severity
  trigger_factor: number | null
  /** 0 to 1; null or absent for those made before there was one. */
  importance?: number | null
  /** How many people follow the company. */
  followers?: number
}

const ranks = { critical: 2, warning: 1, info: 0 }

/** Orders the most important first: by severity, then by importance and followers, then by the size of the change. */
export function byImportance(a: RankedNews, b: RankedNews): number {
  return ranks[b.severity] - ranks[a.severity] || weightOf(b) - weightOf(a) || factorOf(b) - factorOf(a)
}

/** Those of a message in its order. */
export function rankNews<T extends RankedNews & { group_index: number }>(news: readonly T[]): T[] {
  return news.toSorted((a, b) => byImportance(a, b) || a.group_index - b.group_index)
}

/** Of equally important news items the one that more people wait for comes first; 30 followers are half as much again. */
function weightOf({ importance, followers = 0 }: RankedNews): number {
  return (importance ?? 0) * (1 + Math.log2(1 + followers) / 10)
}

function factorOf({ trigger_factor }: RankedNews): number {
  return Math.abs(trigger_factor ?? 0)
}
