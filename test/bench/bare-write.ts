import { randomUUID } from 'node:crypto'
import type pg from 'pg'

/** What a batch of payloads writes: one array per column. `eventOf` is the index of each value's payload. */
type Batch = {
  ledger: unknown[][]
  values: unknown[][]
  eventOf: number[]
  typed: { table: string; columns: unknown[][] }[]
}

export type BareLoad = { connections: number; payloadsPerBatch: number; seconds: number }

/**
 * Values per second of the least that can write what is stored now: ledger, normalizer.value and the typed tables by
 * unnest in one transaction, with the rows ready in memory, without look-ups or outputs.
 */
export async function measureBareWrite(pool: pg.Pool, load: BareLoad): Promise<() => Promise<number>> {
  const batches = await readBatches(pool, load.payloadsPerBatch)
  return async () => {
    const startedAt = performance.now()
    const endAt = startedAt + load.seconds * 1000
    let written = 0
    async function run(lane: number): Promise<void> {
      const client = await pool.connect()
      for (let turn = lane; performance.now() < endAt; turn++) {
        const batch = batches[turn % batches.length] as Batch
        await write(client, batch)
        written += batch.eventOf.length
      }
      client.release()
    }
    await Promise.all(Array.from({ length: load.connections }, (_, lane) => run(lane)))
    return (written * 1000) / (performance.now() - startedAt)
  }
}

async function write(client: pg.PoolClient, { ledger, values, eventOf, typed }: Batch): Promise<void> {
  await client.query('BEGIN')
  const ids = Array.from(ledger[0] as unknown[], () => randomUUID())
  const { rows } = await client.query<{ event_no: string }>({
    name: 'ledger',
    text: `INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
        task_id, received_at, history, observed_at, map_version, subject_key, stored)
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int4[], $5::text[], $6::text[], $7::int4[],
        $8::timestamptz[], $9::bool[], $10::timestamptz[], $11::int4[], $12::text[], $13::int4[])
      RETURNING event_no`,
    values: [ids, ...ledger],
  })
  await client.query({
    name: 'values',
    text: `INSERT INTO normalizer.value (event_no, observed_at, number, date, seq, company_measurement_id,
        source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text)
      SELECT * FROM unnest($1::int8[], $2::timestamptz[], $3::float8[], $4::timestamptz[], $5::int4[], $6::int4[],
        $7::int4[], $8::int4[], $9::int4[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])`,
    values: [eventOf.map((index) => rows[index]?.event_no), ...values],
  })
  for (const { table, columns } of typed)
    await client.query({
      name: table,
      text: `INSERT INTO public.measurement_${table}_value (company_measurement_id, value, timestamp, created_at, modified_at)
        SELECT series, value, at, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
        FROM unnest($1::int4[], $2::${sqlTypes[table] ?? 'text'}[], $3::timestamp[]) AS n (series, value, at)`,
      values: columns,
    })
  await client.query('COMMIT')
}

const sqlTypes: Record<string, string> = { int: 'int4', float: 'float8', date: 'timestamp' }

const ledgerColumns = [
  ...['content_hash', 'document', 'data_source_id', 'source_name', 'company_id', 'task_id', 'received_at', 'history'],
  ...['observed_at', 'map_version', 'subject_key', 'stored'],
]
const valueColumns = [
  ...['observed_at', 'number', 'date', 'seq', 'company_measurement_id', 'source_measurement_id', 'company_id'],
  ...['data_source_id', 'type', 'path', 'subject_key', 'item_key', 'item_label', 'text'],
]

type Row = Record<string, unknown>

/** The first stored events, at most 100,000 values. */
async function readBatches(pool: pg.Pool, payloadsPerBatch: number): Promise<Batch[]> {
  const { rows: events } = await pool.query<Row>(
    `SELECT event_no, ${ledgerColumns.map(textOf)} FROM (
       SELECT *, sum(stored) OVER (ORDER BY event_no) AS total FROM normalizer.processed_event
     ) AS e WHERE total <= 100000 ORDER BY e.event_no`,
  )
  const { rows: values } = await pool.query<Row>(
    `SELECT event_no, ${valueColumns.map(textOf)} FROM normalizer.value WHERE event_no <= $1 ORDER BY value.event_no, value.seq`,
    [events.at(-1)?.['event_no']],
  )
  const byEvent = Map.groupBy(values, ({ event_no }) => event_no)
  return Array.from({ length: Math.ceil(events.length / payloadsPerBatch) }, (_, index) => {
    const some = events.slice(index * payloadsPerBatch, (index + 1) * payloadsPerBatch)
    return batchOf(
      some,
      some.map(({ event_no }) => byEvent.get(event_no) ?? []),
    )
  })
}

/** Times stay text, to the millisecond as they are stored. */
const textOf = (name: string) => (/_at$|^date$/.test(name) ? `${name}::text AS ${name}` : name)

function batchOf(events: Row[], valuesOf: Row[][]): Batch {
  const values = valuesOf.flat()
  const byTable = Map.groupBy(values, ({ type }) => (type === 'bool' ? 'int' : String(type)))
  const pick = (rows: Row[], name: string) => rows.map((row) => row[name])
  return {
    ledger: ledgerColumns.map((name) => pick(events, name)),
    values: valueColumns.map((name) => pick(values, name)),
    eventOf: valuesOf.flatMap((those, index) => those.map(() => index)),
    typed: [...byTable].map(([table, rows]) => ({
      table,
      columns: [
        pick(rows, 'company_measurement_id'),
        pick(rows, table === 'date' ? 'date' : table === 'int' || table === 'float' ? 'number' : 'text'),
        pick(rows, 'observed_at'),
      ],
    })),
  }
}
