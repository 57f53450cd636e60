import { type Delivery, type Handler, ok } from '#runtime/consume/outcome.ts'
import { receivedAtHeader } from '#runtime/observe/steps.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import { withLedger } from '#runtime/postgres/ledger.ts'
import type { News } from '#schemas/generated/types.ts'
import type { InboxSettings } from './settings.ts'

/** What is stored of a news item, with the types of the columns. */
const itemColumns = {
  news_id: 'uuid',
  group_id: 'uuid',
  group_index: 'int4',
  severity: 'text',
  kind: 'text',
  title: 'text',
  message: 'text',
  trigger_factor: 'float8',
  previous: 'text',
  current: 'text',
  source_measurement_id: 'int4',
  item_key: 'text',
  dedupe_key: 'text',
  observed_at: 'ms',
  importance: 'float8',
  subject_key: 'text',
  score: 'float8',
  rule_id: 'text',
  rule_version: 'int4',
  assigned_at: 'ms',
  unheard: 'text',
}

/**
 * Stores news items and their groups, each news item once. Calls `wake` when something may be due. The id of a news
 * item is derived from its content, so in the ledger it stands for the content, too.
 */
export function storeNews(config: InboxSettings, database: Database, wake: () => void): Handler<News> {
  return async (batch) => {
    const events = batch.map(({ value }) => ({ event_id: value.news_id }))
    await withLedger(database, 'notifier', events, async (tx, verdicts) => {
      const fresh = batch.filter((_, index) => verdicts[index] === 'fresh')
      if (fresh.length === 0) return
      await countGroups(tx, fresh, config.GROUP_WAIT_MS)
      const loud = fresh.map(({ value }) => value).filter(({ silent }) => !silent)
      const items = loud.map((one) => ({ ...one, ...readFacts(one), ...assignedUnlessAlert(one) }))
      await insertRecords(tx, ['notifier', 'news_item'], itemColumns, items)
    })
    wake()
    return batch.map(() => ok())
  }
}

/** A news item that is unverified stands in digests only: nobody is to be found for it any more. */
function assignedUnlessAlert(news: News) {
  return isAlert(news)
    ? { assigned_at: null, unheard: null }
    : { assigned_at: Date.now(), unheard: 'it is unverified, so it stands in digests only' }
}

function readFacts({ facts, rule }: News) {
  const score = Number(facts['score'] ?? Number.NaN)
  return {
    score: Number.isFinite(score) ? score : null,
    rule_id: rule?.id ?? null,
    rule_version: rule?.version ?? null,
  }
}

function isAlert({ silent, facts }: News): boolean {
  return !silent && facts['unverified'] !== 'true'
}

/** Silent news items count, too: a group is complete when all its news items have arrived. */
async function countGroups(tx: Transaction, news: readonly Delivery<News>[], waitMs: number): Promise<void> {
  const groups = Map.groupBy(news, ({ value }) => value.group_id)
  const rows = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([groupId, members]) => {
      const [{ value, headers }] = members as [Delivery<News>]
      const { company_id, data_source_id, task_id, group_size } = value
      const isLoud = members.some((one) => isAlert(one.value))
      const cause = [Number(headers[receivedAtHeader] ?? Number.NaN) || null, headers['traceparent'] ?? null]
      return [groupId, company_id, data_source_id, task_id, group_size, members.length, isLoud, ...cause]
    })
  await tx.query(sql.unsafe`
    INSERT INTO notifier.news_group AS g
      (group_id, company_id, data_source_id, task_id, size, seen, due_at, payload_received_at, traceparent)
    SELECT group_id, company_id::int, data_source_id, task_id, size, seen,
      CASE WHEN is_loud AND seen >= size THEN now() WHEN is_loud THEN now() + ${waitMs} * interval '1 ms' END,
      to_timestamp(received_at / 1000.0), traceparent
    FROM ${sql.unnest(rows, ['uuid', 'text', 'int4', 'int4', 'int4', 'int4', 'bool', 'float8', 'text'])}
      AS d (group_id, company_id, data_source_id, task_id, size, seen, is_loud, received_at, traceparent)
    ON CONFLICT (group_id) DO UPDATE SET
      seen = g.seen + excluded.seen,
      due_at = CASE
        WHEN g.due_at IS NULL AND excluded.due_at IS NULL THEN NULL
        WHEN g.seen + excluded.seen >= g.size THEN now()
        ELSE least(g.due_at, excluded.due_at)
      END`)
}
