import { z } from 'zod'
import { type FirestoreAccess, firestoreSettings } from '#runtime/firestore/settings.ts'
import { count, flag } from '#runtime/process/config.ts'
import type { MessageSettings } from '../message/settings.ts'
import type { PeopleSettings } from '../people/settings.ts'

/** What making digests reads, in the service and in commands. */
export const digestSettings = {
  WEEKLY_REPORT_CLOCK: flag(true).describe(
    'Send the weekly report on schedule to people who have configured no digests. Without this, it is sent only when GET /weekly-reports is called.',
  ),
  DIGEST_HOUR: count(8, 0)
    .pipe(z.number().max(23))
    .describe('Hour of the weekly report of people who have configured no digests.'),
  DIGEST_WEEKDAY: count(1)
    .pipe(z.number().max(7))
    .describe('Weekday of the weekly report of people who have configured no digests. 1 is Monday.'),
  DIGEST_ALL_QUIET: flag(false).describe(
    'Send the weekly report of people who have configured no digests also when there is no news item: that all is quiet.',
  ),
  DIGEST_POLL_MS: count(15_000, 50).describe('How often the notifier looks for due digests.'),
  DIGEST_BATCH: count(10).describe('Digests made in one transaction.'),
  WRITE_PUBLIC_REPORTS: flag(false).describe(
    'Record weekly reports in public.report, one row for each company and week. parma-web shows none of them, and cannot delete a company with such a row.',
  ),
  ...firestoreSettings,
  FIRESTORE_TIMEOUT_MS: count(30_000).describe('Deadline of one call to Firestore. A call that exceeds it is retried.'),
}

/** `firestore` is null where the results of digests are not stored. */
export type DigestSettings = z.output<z.ZodObject<typeof digestSettings>> &
  MessageSettings &
  PeopleSettings & { firestore: FirestoreAccess | null }
