import { setTimeout as delay } from 'node:timers/promises'
import type { Firestore } from '@google-cloud/firestore'
import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { type GroupRow, openGroupTable } from '#runtime/offsets/group-table.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { createLog } from '#runtime/process/log.ts'
import type { KafkaSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import { isUuid } from '#schemas/field-checks.ts'
import { topics } from '#schemas/topics.ts'
import { pagesOf } from '#runtime/firestore/raw-documents.ts'
import { findSources } from './raw-documents.ts'

type Missing = { event_id: string; document: string }

const pageSize = 1000

/** How long the normalizer may take to read what is on its topic already. */
const patienceMs = 60_000

/** The same for every payload and call: the ledger lets each take effect once. */
export const missingReplay = {
  replay_id: '6d2bb1c8-35a5-5b0e-8f4e-0d6c7a1f9e42',
  reason: 'payload missing in the normalizer',
}

/**
 * Payloads of a source, or of all, that have a raw document and no row in the normalizer's ledger. A payload that is still
 * on its way is none of them: the normalizer has read all that was on its topic when the documents were listed.
 */
export async function findMissing(
  settings: KafkaSettings,
  { firestore, database, source }: { firestore: Firestore; database: Database; source: string | undefined },
): Promise<Missing[]> {
  const stored: Missing[] = []
  for (const name of await findSources(firestore, source)) stored.push(...(await listDocuments(firestore, name)))
  await waitForNormalizer(settings)
  const missing: Missing[] = []
  for (let from = 0; from < stored.length; from += pageSize)
    missing.push(...(await withoutKnown(database, stored.slice(from, from + pageSize))))
  return missing
}

/** Documents of before this system have other ids and no `event_id`: they are no payloads of ours. */
async function listDocuments(firestore: Firestore, source: string): Promise<Missing[]> {
  const collection = `parma/mining/datasource/${source}/raw_data`
  const found: Missing[] = []
  for await (const page of pagesOf(firestore.collection(collection).select('event_id'), pageSize))
    for (const document of page)
      if (isUuid(document.id) && document.get('event_id') === document.id)
        found.push({ event_id: document.id, document: `${collection}/${document.id}` })
  return found
}

async function waitForNormalizer(settings: KafkaSettings): Promise<void> {
  await using groups = await openGroupTable(settings, createLog('parma', 'silent'))
  const read = () => groups.read({ service: 'normalizer', topic: topics.rawPayloads.name })
  const ends = new Map((await read()).map(({ partition, end }) => [partition, end]))
  const isOpen = ({ partition, committed, first }: GroupRow) =>
    Math.max(committed ?? first, first) < (ends.get(partition) ?? 0)
  const deadline = performance.now() + patienceMs
  for (let open = (await read()).filter(isOpen); open.length > 0; open = (await read()).filter(isOpen)) {
    if (performance.now() > deadline) {
      const lag = open.reduce((sum, row) => sum + row.lag, 0)
      throw new UsageError(
        `The normalizer has not read ${formatCount(lag, 'payload')} yet. Start it, wait until \`parma groups ls --service normalizer\` shows no lag, and try again.`,
      )
    }
    await delay(500)
  }
}

async function withoutKnown(database: Database, payloads: readonly Missing[]): Promise<Missing[]> {
  const known = await database.anyFirst(sql.type(z.object({ event_id: z.string() }))`
    SELECT DISTINCT event_id FROM normalizer.lineage
    WHERE event_id = ANY(${column(payloads, 'uuid', ({ event_id }) => event_id)})`)
  const ids = new Set(known)
  return payloads.filter(({ event_id }) => !ids.has(event_id))
}

export function countBySource(payloads: readonly { document: string }[]) {
  const bySource = Map.groupBy(payloads, ({ document }) => document.split('/')[3] ?? '')
  return [...bySource].map(([source, some]) => ({ source, payloads: some.length }))
}

/**
 * Accepts what the normalizer lost when as many payloads were brought back: then the gap is filled. The text says what is
 * left to do otherwise; null when nothing was lost.
 */
export async function closeGap(settings: KafkaSettings, sent: number) {
  await using groups = await openGroupTable(settings, createLog('parma', 'silent'))
  const rows = await groups.read({ service: 'normalizer', topic: topics.rawPayloads.name })
  const lost = rows.filter(({ losses }) => losses.length > 0)
  if (lost.length === 0) return null
  const counts = lost.flatMap(({ losses }) => losses.map(({ count }) => count))
  const total = counts.reduce<number>((sum, count) => sum + (count ?? Infinity), 0)
  const isFilled = sent >= total
  if (isFilled) await groups.accept('normalizer', lost)
  const text = isFilled
    ? 'The gap is filled: the normalizer is ready again within seconds.'
    : `The normalizer lost ${total === Infinity ? 'an unknown number of payloads' : formatCount(total, 'payload')}. When nothing more can be brought back, run \`parma groups accept-loss --service normalizer\`.`
  return { isFilled, text }
}
