import { z } from 'zod'
import { count, flag } from '#runtime/process/config.ts'
import { firestoreSettings } from '#runtime/firestore/settings.ts'
import { isZone } from '../message/local-time.ts'

/** What making digests reads, in the service and in commands. */
export const digestSettings = {
  WEEKLY_REPORT_CLOCK: flag(true).describe(
    'The weekly report of people who have said nothing of digests comes by itself; without this only when GET /weekly-reports asks.',
  ),
  DIGEST_ZONE: z
    .string()
    .refine(isZone, 'not a time zone such as Europe/Berlin')
    .default('UTC')
    .describe('Time zone of the digests of people who have said nothing of theirs (IANA).'),
  DIGEST_HOUR: count(8, 0)
    .pipe(z.number().max(23))
    .describe('Hour of the weekly report of people who have said nothing of digests.'),
  DIGEST_WEEKDAY: count(1).pipe(z.number().max(7)).describe('Its weekday; 1 is Monday.'),
  DIGEST_POLL_MS: count(15_000, 50).describe('How often digests that are due are looked for.'),
  DIGEST_BATCH: count(25).describe('Digests made in one transaction.'),
  DIGEST_LINES: count(500).describe('News listed in one digest, the most important; the rest is given as a count.'),
  DIGEST_CHART_DAYS: count(56).describe('Days that the charts in digests show.'),
  DIGEST_LATE_HOURS: count(24).describe(
    'A digest looks this far back behind the one before it, for news that were stored late.',
  ),
  DIGEST_LOOK_BACK_DAYS: count(45, 32).describe(
    'News older than this are in no digest, also when there was none for long. What digests have told is remembered for as long.',
  ),
  WRITE_PUBLIC_REPORTS: flag(true).describe(
    'Record weekly reports in public.report, a row for each company and week. A company with such a row cannot be deleted before the row is.',
  ),
  ...firestoreSettings,
  FIRESTORE_TIMEOUT_MS: count(30_000).describe(
    'How long one call may take before it counts as failed and is repeated.',
  ),
  REPORT_POLL_MS: count(5000, 50).describe(
    'How often results of digests that Firestore has not got yet are looked for.',
  ),
}
