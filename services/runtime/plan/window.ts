import { localTime } from '../text/time-zone.ts'
import { nextCronSlot } from './cron.ts'

/** The part of the day in which a source may run, in minutes since midnight in `zone`. It may pass midnight. */
export type Window = { from: number; to: number; zone: string }

function isOpen({ from, to, zone }: Window, at: number): boolean {
  const local = localTime(zone, at)
  const minute = 60 * local.hour + local.minute
  return from < to ? minute >= from && minute < to : minute >= from || minute < to
}

/** `at` if the window is open then, else its next opening. */
export function whenOpen(window: Window | null, at: number): number {
  if (window === null || isOpen(window, at)) return at
  const { from, zone } = window
  return nextCronSlot(`${from % 60} ${Math.floor(from / 60)} * * *`, zone, at) ?? at
}

/** Minutes since midnight of a time of day written HH:MM. */
export function minutesOf(time: string): number {
  const [hour = '', minute = ''] = time.split(':')
  return Number(hour) * 60 + Number(minute)
}
