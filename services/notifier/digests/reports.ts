import type { Firestore, WriteBatch } from '@google-cloud/firestore'
import { z } from 'zod'
import { alreadyExists, invalidArgument } from '#runtime/firestore/grpc-codes.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { orAfter, withDeadline } from '#runtime/calls/deadline.ts'
import { startLoop } from '#runtime/process/loop.ts'
import { TransientError } from '#runtime/calls/retry.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Message } from '../message/message.ts'
import { asHtmlSections } from '../render/render-digest.ts'
import type { DigestSettings } from './settings.ts'
import type { ReportResult } from './store.ts'

/** Leaves room in a Firestore document (1 MiB in all) for the other fields. */
const maxHtmlBytes = 700_000
const maxNews = 5000
const maxCompanies = 400
/** Names of people, buckets and companies are parma-web's, and of any length. */
const maxName = 80
const terminateMs = 2000
/** Documents stored in one turn of the loop. */
const batch = 10

const waitingRow = z.object({
  digest_id: z.string(),
  // Only the notifier writes both.
  result: z.custom<ReportResult>(),
  message: z.custom<Message>(),
  news: z.array(z.string()),
})
type Report = z.output<typeof waitingRow>

/**
 * Stores the results of digests in Firestore, each as a document `report/<digest id>`. Digests do not wait for it. Does
 * nothing without Firestore.
 */
export function startStoringReports(config: DigestSettings, context: ServiceContext, database: Database): void {
  const { log, scope } = context
  const { firestore: access, FIRESTORE_TIMEOUT_MS: timeoutMs } = config
  if (access === null) return void log.info('report_results_not_stored_without_firestore')
  let firestore: Firestore | undefined
  // If Firestore does not answer, terminate() waits for calls that the client retries.
  scope.defer(() => firestore && orAfter(firestore.terminate(), terminateMs, () => undefined))
  // More often than digests are looked for: results that Firestore did not take are waited for.
  const wake = startLoop('reports', config.DIGEST_POLL_MS / 3, context, async () => {
    const waiting = await database.any(sql.type(waitingRow)`
      SELECT d.digest_id, d.result, n.message, ARRAY(
          SELECT news_id FROM notifier.digest_item i
          WHERE (i.user_id, i.bucket_id, i.period) = (d.user_id, d.bucket_id, d.period)
        ) AS news
      FROM notifier.digest d JOIN notifier.notification n ON n.notification_id = d.digest_id
      WHERE d.result IS NOT NULL ORDER BY d.made_at LIMIT ${batch}`)
    for (const one of waiting) {
      const { digest_id } = one
      // Loaded on first use: the client takes a second and 40 MB.
      firestore ??= (await import('#runtime/firestore/firestore.ts')).openFirestore(access)
      const problem = await store(firestore, one, timeoutMs)
      if (problem !== null) log.error({ digest_id, problem }, 'report_rejected_by_firestore')
      await database.query(sql.unsafe`
        UPDATE notifier.digest SET result = NULL, reason = ${problem} WHERE digest_id = ${digest_id}::uuid`)
    }
    if (waiting.length === batch) wake()
  })
}

/** Null when the document exists; else why Firestore will never accept it. */
async function store(firestore: Firestore, report: Report, timeoutMs: number): Promise<string | null> {
  const document = firestore.doc(`report/${report.digest_id}`)
  const write: WriteBatch = firestore.batch().create(document, documentOf(report))
  try {
    // The client retries for ten minutes by itself. The loop retries, too, and must know earlier.
    await withDeadline(write.commit(), timeoutMs, () => new TransientError('no answer from Firestore'))
    return null
  } catch (error) {
    const { code, message } = error as { code?: number; message: string }
    // An earlier run stopped before the answer came: only the notifier uses this id.
    if (code === alreadyExists) return null
    if (code === invalidArgument) return message
    // Anything else is retried, such as a missing permission or database: messages do not depend on it.
    throw new TransientError(message, { cause: error })
  }
}

/** The fields of a report’s document. */
export function documentOf({ result, message, news }: Omit<Report, 'digest_id'>): Record<string, unknown> {
  const { since, until, companies, user_name, bucket, ...about } = result
  const html = asHtmlSections(message)
  const isCut = Buffer.byteLength(html) > maxHtmlBytes
  return {
    ...about,
    user_name: excerpt(user_name, maxName),
    bucket: bucket === null ? null : excerpt(bucket, maxName),
    name: message.subject,
    since: new Date(since),
    until: new Date(until),
    companies: companies.slice(0, maxCompanies).map(({ id, name }) => ({ id, name: excerpt(name, maxName) })),
    companies_count: companies.length,
    news: news.slice(0, maxNews),
    news_count: news.length,
    html: isCut ? '' : html,
    html_left_out: isCut,
  }
}
