import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { withoutEffect } from '#runtime/postgres/without-effect.ts'
import { describePayload, type PayloadDescription } from '#runtime/understand/describe-payload.ts'
import { knownLists } from '#runtime/understand/learnt-lists.ts'
import type { PayloadRefused } from '#runtime/understand/understand.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { Config } from '../config.ts'
import type { LedgerRow } from '../ledger/ledger-rows.ts'
import type { Matched, Work } from '../ledger/work.ts'
import { createListKeyCache, type ListKeys } from '../series/list-keys.ts'
import { SeriesCache } from '../series/series-cache.ts'
import type { FoundSeries } from '../series/series.ts'
import { observe } from '../store/observe.ts'
import type { Split } from '../store/split-leaves.ts'
import { understandBatch } from '../store/write-batch.ts'

/** What the normalizer would make of a payload now. `observations`: what it would send, in one part. */
export type Tried = Pick<LedgerRow, 'observed_at' | 'subject_key'> & {
  result: PayloadRefused | PayloadDescription
  observations: Observation[]
}

const unlimited = { values: Infinity, bytes: Infinity }

/**
 * Understands the payloads that `prepare` makes, one after the other, as the normalizer does and with what is stored. What
 * is written, also by `prepare`, is rolled back. Their events must be new. While it works, the normalizer waits with payloads of the same companies and source.
 */
export function tryPayloads(
  config: Pick<Config, 'CLOCK_TOLERANCE_MS'>,
  database: Pick<Database, 'transaction'>,
  prepare: (tx: Transaction) => Promise<readonly Work[]>,
): Promise<Tried[]> {
  return withoutEffect(database, async (tx: Transaction) => {
    const batch = await prepare(tx)
    const memory = { series: new SeriesCache(batch.length), lists: createListKeyCache(1000) }
    const { fresh, splits, ...found } = await understandBatch(config, tx, batch, memory)
    return fresh.map((one, index) => describe(one, splits[index]!, found))
  })
}

function describe(one: Matched, split: Split, { lists, series }: { lists: ListKeys; series: FoundSeries }): Tried {
  const { row, result } = one
  const { observed_at, subject_key } = row
  if ('reason' in result) return { observed_at, subject_key, result, observations: [] }
  const { data, map, normalized, mapVersion } = result
  const ids = series.of(Number(row.company_id), row.data_source_id)
  const scope = { data_source_id: row.data_source_id, map_version: mapVersion, company_id: row.company_id }
  const asker = { company_id: row.company_id, subject_key, storedBefore: () => null, learns: true }
  return {
    ...{ observed_at, subject_key },
    result: describePayload(data, map, normalized, {
      known: knownLists(lists.of(scope), asker),
      lost: new Set(normalized.values.filter(({ entry }) => !ids.has(entry.id))),
    }),
    observations: observe({ event_no: one.first.event_no, row, values: split.brought.values }, map.names, unlimited),
  }
}
