import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import { boundBy, type Bounded } from '../http/deadline.ts'
import type { HoldGate } from './gate.ts'

const everyMs = 1000
/** Less than half of the time after which `parma topics apply` takes an edge for gone. */
const signOfLifeMs = 10_000
/** For the look that ends a hold, and for sending what waited. */
const sendMs = 3000

type State = { holdId: string; hold: 'waiting' | 'gave-way'; reason: string | null }

/**
 * Closes the gate while `parma topics apply --repartition --drain` asks for it, and tells in edge.process when nothing is
 * sent any more. Resolves after the first look, so that an edge that starts during a hold takes part in it. While
 * Postgres does not answer, the gate stays as it is, at most until the hold has passed. Gives the id of the process there.
 */
export async function watchFeedHold(
  config: Pick<Config, 'EDGE_PORT' | 'FEED_DEADLINE_MS'>,
  context: ServiceContext,
  database: Database,
  gate: HoldGate,
): Promise<string> {
  const { log, scope } = context
  const bounded = boundBy(everyMs)
  const row = createRow(database, bounded, `${hostname()}:${config.EDGE_PORT}`)
  let state: State | null = null
  let lastError = ''
  let wake = (): void => undefined

  const giveWay = (holdId: string, reason: string) => {
    state = { holdId, hold: 'gave-way', reason }
    gate.open()
    log.warn({ hold_id: holdId, reason }, 'feed_hold_given_up')
  }

  async function look(): Promise<void> {
    // Whoever begins a hold reads the rows after it: the row is there before this process can have missed the hold.
    await row.update(state)
    const hold = await bounded(readHold(database))
    if (!hold) {
      gate.open()
      state = null
    } else if (state?.holdId !== hold.hold_id || state.hold !== 'gave-way') follow(hold)
    await row.update(state)
  }

  function follow({ hold_id: holdId, left_ms: leftMs }: Hold): void {
    if (leftMs + sendMs > config.FEED_DEADLINE_MS)
      return giveWay(holdId, `FEED_DEADLINE_MS (${config.FEED_DEADLINE_MS}) would pass while requests wait`)
    if (state?.holdId !== holdId) {
      log.info({ hold_id: holdId, left_ms: Math.round(leftMs) }, 'feed_hold_begun')
      state = null
      gate.onFull((reason) => {
        giveWay(holdId, reason)
        wake()
      })
    }
    gate.closeFor(leftMs)
    if (gate.isQuiet() && !state) state = { holdId, hold: 'waiting', reason: null }
  }

  /** No error of it ends the edge, which works without Postgres. */
  async function turn(): Promise<void> {
    try {
      await look()
      lastError = ''
    } catch (error) {
      const { message } = error as Error
      log[message === lastError ? 'debug' : 'warn']({ error }, 'feed_hold_not_read')
      lastError = message
    }
  }

  await turn()
  scope.defer(async () => {
    await row.remove().catch((error: unknown) => log.debug({ error }, 'process_not_removed'))
  })
  wake = startLoop('feed_hold', everyMs, context, turn)
  return row.id
}

const holdRow = z.object({ hold_id: z.string(), left_ms: z.number() })
type Hold = z.output<typeof holdRow>

/** By the database's clock. */
function readHold(database: Database): Promise<Hold | null> {
  return database.maybeOne(sql.type(holdRow)`
    SELECT hold_id, (extract(epoch FROM until - now()) * 1000)::float8 AS left_ms FROM cli.feed_hold WHERE until > now()`)
}

/** The row of this process in edge.process. */
function createRow(database: Database, bounded: Bounded, name: string) {
  const id = randomUUID()
  let written = { at: -Infinity, state: null as State | null }
  return {
    id,
    /** Writes a new state at once, and a sign of life every ten seconds. */
    async update(state: State | null): Promise<void> {
      const at = performance.now()
      if (state === written.state && at - written.at < signOfLifeMs) return
      await bounded(writeProcess(database, id, name, state))
      written = { at, state }
    },
    remove: () => bounded(database.query(sql.unsafe`DELETE FROM edge.process WHERE process_id = ${id}`)),
  }
}

/** Also removes what is left of processes that ended without a word. */
async function writeProcess(database: Database, id: string, name: string, state: State | null): Promise<void> {
  await database.query(sql.unsafe`
    WITH gone AS (DELETE FROM edge.process WHERE seen_at < now() - interval '1 hour')
    INSERT INTO edge.process (process_id, name, hold_id, hold_state, reason)
    VALUES (${id}, ${name}, ${state?.holdId ?? null}, ${state?.hold ?? null}, ${state?.reason ?? null})
    ON CONFLICT (process_id) DO UPDATE SET seen_at = now(),
      hold_id = excluded.hold_id, hold_state = excluded.hold_state, reason = excluded.reason`)
}
