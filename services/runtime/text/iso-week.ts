import { dayMs } from './time.ts'

/**
 * Week of a time (ms since 1970, UTC) as ISO 8601 writes it, for example `2026-W01`: its year is that of its Thursday.
 */
export function isoWeek(at: number): string {
  const date = new Date(at)
  const thursday = new Date(at + (4 - (date.getUTCDay() || 7)) * dayMs)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / dayMs / 7) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}
