import { sql, type Transaction } from '#runtime/postgres/database.ts'

/** A row of `normalizer.refused`: leaves of a payload, or with `seq` null all of it. */
export type Refusal = {
  event_no: number
  /** event_no of the replay that judged anew; null while it is open. */
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

export async function insertRefusals(tx: Transaction, rows: readonly Refusal[]): Promise<void> {
  if (rows.length === 0) return
  const column = <T extends string | number | null>(type: string, value: (row: Refusal) => T) =>
    sql.array(rows.map(value), type)
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.refused
      (event_no, superseded_by, seq, leaves, data_source_id, company_id, map_version, path, item_key, reason, sample)
    SELECT * FROM unnest(
      ${column('int8', (row) => row.event_no)},
      ${column('int8', (row) => row.superseded_by)},
      ${column('int4', (row) => row.seq)},
      ${column('int4', (row) => row.leaves)},
      ${column('int4', (row) => row.data_source_id)},
      ${column('text', (row) => row.company_id)},
      ${column('int4', (row) => row.map_version)},
      ${column('text', (row) => row.path)},
      ${column('text', (row) => row.item_key)},
      ${column('text', (row) => row.reason)},
      ${column('text', (row) => row.sample)}
    )`)
}

/** A replay, which judges anew what was said of its payload as a whole, and with `leaves_too` of its leaves. */
export type Replay = { event_no: number; replay_no: number; leaves_too: boolean }

/** The event_no of the first of these replays, all of one event, that judges anew what this refusal says. */
export function supersededBy({ seq }: Pick<Refusal, 'seq'>, replays: readonly Replay[]): number | null {
  return replays.find(({ leaves_too }) => leaves_too || seq === null)?.replay_no ?? null
}

/** Closes what earlier runs of these events refused: the replays write again what is left of it. */
export async function supersedeRefusals(tx: Transaction, replays: readonly Replay[]): Promise<void> {
  if (replays.length === 0) return
  const events = [...Map.groupBy(replays, ({ event_no }) => event_no)]
  await tx.query(sql.unsafe`
    UPDATE normalizer.refused AS r SET superseded_by = CASE WHEN r.seq IS NULL THEN n.of_whole ELSE n.of_leaves END
    FROM unnest(
      ${sql.array(
        events.map(([event_no]) => event_no),
        'int8',
      )},
      ${sql.array(
        events.map(([, replays]) => supersededBy({ seq: null }, replays)),
        'int8',
      )},
      ${sql.array(
        events.map(([, replays]) => supersededBy({ seq: 0 }, replays)),
        'int8',
      )}
    ) AS n (event_no, of_whole, of_leaves)
    WHERE r.event_no = n.event_no AND r.superseded_by IS NULL AND (r.seq IS NULL OR n.of_leaves IS NOT NULL)`)
}
