import { Counter } from 'prom-client'
import { type Database, type Transaction } from '#runtime/postgres/database.ts'
import { lock, tryLock } from '#runtime/postgres/lock.ts'
import type { Log } from '#runtime/process/log.ts'
import { classify } from '#runtime/calls/retry.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { makeReportLink } from '#runtime/web/signed-links.ts'
import { composeDigests } from './compose.ts'
import { type DueDigest, findDue, type Page, type Selection } from './policies.ts'
import type { DigestSettings } from './settings.ts'
import { recordFailure, writeDigests } from './store.ts'

const digests = new Counter({
  name: 'parma_digests_total',
  help: 'Due digests, by outcome (made, failed)',
  labelNames: ['outcome'] as const,
})

// So that the first one shows as a change.
for (const outcome of ['made', 'failed']) digests.inc({ outcome }, 0)

/** Where the first page of digests begins. */
export const firstPage: Page['after'] = { user_id: 0, bucket_id: -1 }

/** Versions before this one know it by its number too. */
const digestLock = 7_116_004_202

/** A digest, and why it could not be made; null: it was. */
type TriedDigest = DueDigest & { problem: string | null }

type DigestRequest = {
  selection: Selection
  page: Page
  /** One process makes digests at a time: what to do while another one does. */
  ifBusy: 'wait' | 'return'
  /** Ms since 1970; the database's time if not given. */
  now?: number
}

/**
 * Makes one page of digests in one transaction. If that fails, makes them one by one, so that bad rows of one person
 * cost nobody else anything. Returns the digests it tried.
 */
export async function makeDigests(
  config: DigestSettings,
  log: Log,
  database: Database,
  request: DigestRequest,
): Promise<readonly TriedDigest[]> {
  try {
    return await database.transaction(async (tx) => {
      if (request.ifBusy === 'wait') await lock(tx, digestLock)
      const isOurs = request.ifBusy === 'wait' || (await tryLock(tx, digestLock))
      return isOurs ? makePage(config, log, tx, { now: undefined, ...request }) : []
    })
  } catch (error) {
    if (classify(error) === 'transient') throw error
    log.warn({ error }, 'digests_one_by_one')
    return makeOneByOne(config, log, database, request)
  }
}

async function makeOneByOne(
  config: DigestSettings,
  log: Log,
  database: Database,
  { selection, page, now }: DigestRequest,
): Promise<readonly TriedDigest[]> {
  const tried: TriedDigest[] = []
  for (const one of await findDue(config, database, selection, page, now)) {
    let problem: string | null = null
    const only: Selection = { ...selection, person: one.user_id, bucket: one.bucket_id }
    try {
      await database.transaction(async (tx) => {
        await lock(tx, digestLock)
        await makePage(config, log, tx, { selection: only, page: { after: firstPage, limit: 1 }, now })
      })
    } catch (error) {
      if (classify(error) === 'transient') throw error
      const { user_id, bucket_id, period } = one
      log.error({ error, user_id, bucket_id, period }, 'digest_failed')
      digests.inc({ outcome: 'failed' })
      problem = excerpt(messageOf(error), 300)
      // A digest that fails before it is due is made again when it is.
      if (selection.which === 'due') await recordFailure(database, one, problem)
    }
    tried.push({ ...one, problem })
  }
  return tried
}

/** The message of the innermost cause: slonik's own says less than that of Postgres. */
function messageOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? messageOf(cause) : message
}

async function makePage(
  config: DigestSettings,
  log: Log,
  tx: Transaction,
  { selection, page, now }: { selection: Selection; page: Page; now: number | undefined },
): Promise<readonly TriedDigest[]> {
  const due = await findDue(config, tx, selection, page, now)
  if (due.length === 0) return []
  const made = await composeDigests(config, log, tx, due)
  await writeDigests(tx, made, {
    // An empty digest that is not due yet gets no row: news items may still come.
    withEmpty: selection.which === 'due',
    keepResults: config.firestore !== null,
    writePublic: config.WRITE_PUBLIC_REPORTS,
    linkOf: (id) => makeReportLink(config, id, Math.max(...due.map(({ until }) => until)) + config.LINK_DAYS * dayMs),
  })
  digests.inc({ outcome: 'made' }, made.length)
  return due.map((one) => ({ ...one, problem: null }))
}
