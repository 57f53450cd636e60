import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'

/** A row of `normalizer.refused`: leaves of a payload, or the whole payload if `seq` is null. */
export type Refusal = {
  event_no: number
  /** event_no of the replay that decided it again; null while it is open. */
  superseded_by: number | null
  seq: number | null
  leaves: number
  data_source_id: number
  company_id: string
  map_version: number | null
  path: string
  item_key: string | null
  reason: string
  sample: string
}

const refusalColumns = {
  event_no: 'int8',
  superseded_by: 'int8',
  seq: 'int4',
  leaves: 'int4',
  data_source_id: 'int4',
  company_id: 'text',
  map_version: 'int4',
  path: 'text',
  item_key: 'text',
  reason: 'text',
  sample: 'text',
}

export function insertRefusals(tx: Transaction, rows: readonly Refusal[]): Promise<void> {
  return insertRecords(tx, ['normalizer', 'refused'], refusalColumns, rows)
}

/** A replay. It decides again about the payload as a whole and, with `leaves_too`, about its leaves. */
export type Replay = { event_no: number; replay_no: number; leaves_too: boolean }

/** The event_no of the first replay that decides a refusal again; null if none does. All replays are of its event. */
export function supersededBy({ seq }: Pick<Refusal, 'seq'>, replays: readonly Replay[]): number | null {
  return replays.find(({ leaves_too }) => leaves_too || seq === null)?.replay_no ?? null
}

/** Closes what was refused before for these events. The replays write what is still refused. */
export async function supersedeRefusals(tx: Transaction, replays: readonly Replay[]): Promise<void> {
  if (replays.length === 0) return
  const events = [...Map.groupBy(replays, ({ event_no }) => event_no)]
  await tx.query(sql.unsafe`
    UPDATE normalizer.refused AS r SET superseded_by = CASE WHEN r.seq IS NULL THEN n.of_whole ELSE n.of_leaves END
    FROM unnest(
      ${column(events, 'int8', ([event_no]) => event_no)},
      ${column(events, 'int8', ([, replays]) => supersededBy({ seq: null }, replays))},
      ${column(events, 'int8', ([, replays]) => supersededBy({ seq: 0 }, replays))}
    ) AS n (event_no, of_whole, of_leaves)
    WHERE r.event_no = n.event_no AND r.superseded_by IS NULL AND (r.seq IS NULL OR n.of_leaves IS NOT NULL)`)
}
