import { z } from 'zod'
import { classify } from '#runtime/calls/retry.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { isoDay } from '#runtime/text/format.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { Source } from '../access/sources.ts'
import type { Config } from '../config.ts'
import { boundBy } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import type { ReportNotice } from '../publish/ops-events.ts'
import { createTally, type Sums } from './tally-bytes.ts'

/**
 * Counts a body of a source. Returns what to call when it was not stored after all. Throws an HttpError with 429 when
 * the day has no room for it. Ends of tasks have as much room again: a task that does not end is crawled once more.
 */
export type TakeBytes = (source: Source, bytes: number, what: 'payload' | 'end') => () => void

const everyMs = 5000

/**
 * Limits the bytes of each source and day (UTC) over all edges: each counts its own, adds them up in Postgres every five
 * seconds, and reads the sums. So a source may exceed its limit by what the other edges take in five seconds, or while
 * Postgres is away; their counts are added later. A process that is killed forgets what it has not added. When Postgres
 * adds and its answer is lost, that counts again. Resolves when the sums of the day are read, or Postgres does not
 * answer.
 */
export async function limitDailyBytes(
  { MAX_SOURCE_BYTES_PER_DAY: max, LOOKUP_TIMEOUT_MS: timeoutMs }: Config,
  context: ServiceContext,
  database: Database,
  report: ReportNotice,
): Promise<TakeBytes> {
  if (max === 0) return () => () => undefined
  const bounded = boundBy(timeoutMs)
  const tally = createTally()
  /** Sources that reached their limit, with the day of it. */
  const full = new Map<number, { source: Source; day: string; isTold: boolean }>()

  /** One at a time, however late its answer comes: a server that hangs runs what it was sent when it goes on. */
  let adding: Promise<void> | null = null

  async function add(): Promise<void> {
    const added = tally.pending()
    if (added.length === 0) return
    await addSums(database, added)
    tally.settle(added)
  }

  async function turn(): Promise<void> {
    try {
      await bounded((adding ??= add().finally(() => (adding = null))))
      const day = isoDay(Date.now())
      tally.learn(day, await bounded(readSums(database, day)))
      for (const [id, of] of full) {
        if (of.isTold) continue
        if (await bounded(claimTelling(database, of.day, id))) tell(of)
        of.isTold = true
      }
    } catch (error) {
      if (classify(error) !== 'transient') throw error
      context.log.debug({ error }, 'source_bytes_not_added')
    }
  }

  function tell({ source: { id, name }, day }: { source: Source; day: string }): void {
    const message =
      `Data source ${id} (${name}) has used up the ${max} bytes that MAX_SOURCE_BYTES_PER_DAY allows on ${day} (UTC). ` +
      'Payloads beyond them are answered with 429 until midnight. Then the scheduler asks the module again for the ' +
      'companies that it has reported as refused.'
    const facts = { day, max_bytes: String(max) }
    report({ kind: 'source-bytes', sourceId: id, subject: day, message, facts }, { traceparent: undefined })
  }

  await turn()
  context.scope.defer(turn)
  const wake = startLoop('source_bytes', everyMs, context, turn)

  return (source, bytes, what) => {
    const now = Date.now()
    const day = isoDay(now)
    if (tally.take(day, source.id, bytes, what === 'end' ? 2 * max : max))
      return () => tally.giveBack(day, source.id, bytes)
    if (full.get(source.id)?.day !== day) {
      full.set(source.id, { source, day, isTold: false })
      wake()
    }
    const detail = `Data source ${source.id} may send ${max} bytes per day (UTC), and this body exceeds them.`
    throw new HttpError(429, detail, { 'retry-after': String(Math.ceil((dayMs - (now % dayMs)) / 1000)) })
  }
}

async function addSums(database: Database, sums: Sums): Promise<void> {
  const rows = sums.map(({ day, sourceId, bytes }) => [day, sourceId, bytes])
  await database.query(sql.unsafe`
    WITH old AS (DELETE FROM edge.source_bytes WHERE day < current_date - 31)
    INSERT INTO edge.source_bytes AS known (day, data_source_id, bytes)
    SELECT * FROM ${sql.unnest(rows, ['date', 'int4', 'int8'])}
    ON CONFLICT (day, data_source_id) DO UPDATE SET bytes = known.bytes + excluded.bytes`)
}

const sumRow = z.object({ source_id: z.number(), bytes: z.number() })

async function readSums(database: Database, day: string): Promise<ReadonlyMap<number, number>> {
  const rows = await database.any(sql.type(sumRow)`
    SELECT data_source_id AS source_id, bytes FROM edge.source_bytes WHERE day = ${day}`)
  return new Map(rows.map(({ source_id, bytes }) => [source_id, bytes]))
}

/** Whether this process is the one that tells. */
async function claimTelling(database: Database, day: string, sourceId: number): Promise<boolean> {
  const claimed = await database.maybeOneFirst(sql.type(z.object({ data_source_id: z.number() }))`
    INSERT INTO edge.source_bytes AS known (day, data_source_id, bytes, told_at) VALUES (${day}, ${sourceId}, 0, now())
    ON CONFLICT (day, data_source_id) DO UPDATE SET told_at = now() WHERE known.told_at IS NULL
    RETURNING data_source_id`)
  return claimed !== null
}
