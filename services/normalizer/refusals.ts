import { sql, type Transaction } from '#runtime/postgres.ts'

/** A row of `normalizer.refused`: leaves of a payload, or with `seq` null all of it. */
export type Refusal = {
  event_no: number
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
      (event_no, seq, leaves, data_source_id, company_id, map_version, path, item_key, reason, sample)
    SELECT * FROM unnest(
      ${column('int8', (row) => row.event_no)},
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

/**
 * Closes what earlier runs of these events refused: the replay has judged the payload anew, and writes what is left. One
 * that was refused as a whole has not come to the leaves, and closes only what was said of the whole.
 */
export async function supersedeRefusals(
  tx: Transaction,
  replays: readonly { event_no: number; replay_no: number; leaves_too: boolean }[],
): Promise<void> {
  if (replays.length === 0) return
  await tx.query(sql.unsafe`
    UPDATE normalizer.refused AS r SET superseded_by = n.replay_no
    FROM unnest(
      ${sql.array(
        replays.map(({ event_no }) => event_no),
        'int8',
      )},
      ${sql.array(
        replays.map(({ replay_no }) => replay_no),
        'int8',
      )},
      ${sql.array(
        replays.map(({ leaves_too }) => leaves_too),
        'bool',
      )}
    ) AS n (event_no, replay_no, leaves_too)
    WHERE r.event_no = n.event_no AND r.superseded_by IS NULL AND (n.leaves_too OR r.seq IS NULL)`)
}
