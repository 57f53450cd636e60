import { Counter } from 'prom-client'
import type { Log } from '#runtime/process/log.ts'
import { startLoop } from '#runtime/process/loop.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { pruneBatch } from '#runtime/postgres/prune-ledger.ts'
import { classify } from '#runtime/process/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { z } from 'zod'
import { dayMs, hourMs } from '#runtime/text/time.ts'
import { composeDigest } from '../message/compose-digest.ts'
import { type NewsItem, pickNews, readNewsItems, readFunding, readSeries } from './news.ts'
import { type DueDigest, findDue, lookBackDays, type Page, type Selection } from './policies.ts'
import { findReaderChannels, type ComposedDigest, pruneItems, recordFailure, writeDigests } from './store.ts'
import type { DigestSettings } from './settings.ts'
import { drawSeries } from '../message/draw-series.ts'
import { clean, cut } from '../message/text.ts'

const digests = new Counter({
  name: 'parma_digests_total',
  help: 'Digests that were due, by what became of them (made, failed)',
  labelNames: ['outcome'] as const,
})

/** Days that charts show. */
const chartDays = 56
/** News items listed in one digest, the most important ones. */
const maxLines = 500

/** Makes digests when they are due, and calls `wakeDelivery` when there are any. Returns how to have it look at once. */
export function startDigests(
  config: DigestSettings,
  context: ServiceContext,
  database: Database,
  wakeDelivery: () => void,
): () => void {
  const { log } = context
  const wake = startLoop('digests', config.DIGEST_POLL_MS, context, async () => {
    const made = await makeDigests(
      database,
      config,
      { which: 'due' },
      { after: firstPage, limit: config.DIGEST_BATCH },
      log,
      'return',
    )
    if (made.length === 0) return
    log.info({ digests: made.length }, 'digests_made')
    wakeDelivery()
    wake()
  })
  const wakePruning = startLoop('prune_digests', hourMs, context, async () => {
    const pruned = await pruneItems(database, lookBackDays, pruneBatch)
    if (pruned === pruneBatch) wakePruning()
  })
  return wake
}

/** In the order of people and buckets nothing comes before. */
export const firstPage: Page['after'] = { user_id: 0, bucket_id: -1 }

/** Any number that no other advisory lock of this database has. */
const digestLock = 7_116_004_202

/** A digest that was looked at, and why it could not be made. */
export type TriedDigest = DueDigest & { problem: string | null }

/**
 * Makes the next digests, all in one transaction; when that cannot be done, one by one, so that what one person's rows make
 * impossible costs nobody else anything. Returns which were looked at. One process at a time does it: others wait, or
 * return at once. `now` stands in for the time by which digests are due.
 */
export async function makeDigests(
  database: Database,
  config: DigestSettings,
  wanted: Selection,
  page: Page,
  log: Log,
  ifBusy: 'wait' | 'return',
  now?: number,
): Promise<readonly TriedDigest[]> {
  try {
    return await database.transaction(async (tx) => {
      if (ifBusy === 'wait') await waitForLock(tx)
      const isOurs = ifBusy === 'wait' || (await tryLock(tx))
      return isOurs ? makeDue(tx, config, wanted, page, now) : []
    })
  } catch (error) {
    if (classify(error) === 'transient') throw error
    log.warn({ error }, 'digests_one_by_one')
    return makeOneByOne(database, config, wanted, page, log, now)
  }
}

async function makeOneByOne(
  database: Database,
  config: DigestSettings,
  wanted: Selection,
  page: Page,
  log: Log,
  now?: number,
): Promise<readonly TriedDigest[]> {
  const tried: TriedDigest[] = []
  for (const one of await findDue(database, config, wanted, page, now)) {
    let problem: string | null = null
    const only: Selection = { ...wanted, person: one.user_id, bucket: one.bucket_id }
    try {
      await database.transaction(async (tx) => {
        await waitForLock(tx)
        await makeDue(tx, config, only, { after: firstPage, limit: 1 }, now)
      })
    } catch (error) {
      if (classify(error) === 'transient') throw error
      const { user_id, bucket_id, period } = one
      log.error({ error, user_id, bucket_id, period }, 'digest_failed')
      digests.inc({ outcome: 'failed' })
      problem = cut(clean(messageOf(error)), 300)
      // Before its time nothing is over: it comes when it is due.
      if (wanted.which === 'due') await recordFailure(database, one, problem)
    }
    tried.push({ ...one, problem })
  }
  return tried
}

/** What slonik says of an error is less than what Postgres does. */
function messageOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? messageOf(cause) : message
}

async function waitForLock(tx: Transaction): Promise<void> {
  await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(${digestLock})`)
}

function tryLock(tx: Transaction): Promise<boolean> {
  return tx.oneFirst(
    sql.type(z.object({ locked: z.boolean() }))`SELECT pg_try_advisory_xact_lock(${digestLock}) AS locked`,
  )
}

async function makeDue(
  tx: Transaction,
  config: DigestSettings,
  wanted: Selection,
  page: Page,
  now?: number,
): Promise<readonly TriedDigest[]> {
  const due = await findDue(tx, config, wanted, page, now)
  if (due.length === 0) return []
  const made = await composeDigests(tx, config, due)
  await writeDigests(tx, made, {
    // Before its time an empty digest is none: there may still be news.
    withEmpty: wanted.which === 'due',
    keepResults: config.firestore !== null,
    writePublic: config.WRITE_PUBLIC_REPORTS,
  })
  digests.inc({ outcome: 'made' }, made.length)
  return due.map((one) => ({ ...one, problem: null }))
}

/** What these digests would say, and to whom. Writes nothing. */
export async function composeDigests(
  connection: Pick<Database, 'any'>,
  config: DigestSettings,
  due: readonly DueDigest[],
): Promise<ComposedDigest[]> {
  const picked = await pickNews(connection, due)
  const facts = await readNewsItems(connection, [...new Set([...picked.values()].flat())])
  const until = Math.max(...due.map((one) => one.until))
  const all = [...facts.values()]
  const series = await readSeries(connection, all, { from: until - chartDays * dayMs, until })
  const funding = await readFunding(connection, all)
  const readers = await findReaderChannels(connection, due, config.STRICT_CHANNEL_PURPOSE)
  const extras = {
    chartOf: (id: string) => {
      const found = series.get(id)
      return found ? drawSeries(found) : null
    },
    fundingOf: (id: string) => funding.get(id) ?? [],
    linkOf: (id: string) => makeWhyLink(config, id, until + config.LINK_DAYS * dayMs),
  }
  return due.map((one): ComposedDigest => {
    const news = (picked.get(one) ?? []).map((id) => facts.get(id)).filter((found) => found !== undefined)
    return {
      due: one,
      message: news.length > 0 ? composeDigest({ ...one, news }, extras, maxLines) : null,
      news: news.map(({ news_id }) => news_id),
      companies: companiesOf(news),
      channels: readers.get(one) ?? [],
    }
  })
}

function companiesOf(news: readonly NewsItem[]): ComposedDigest['companies'] {
  const names = new Map(news.map(({ company_id, company }) => [company_id, company ?? `company ${company_id}`]))
  return [...names].map(([id, name]) => ({ id, name }))
}
