import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { openPool, sql } from '#runtime/postgres/database.ts'
import type { CrawlFinished } from '#schemas/generated/types.ts'
import { beginCall, endCall } from '../../../services/scheduler/call-log.ts'
import { type Claim, claimDue } from '../../../services/scheduler/claims.ts'
import { readConfig } from '../../../services/scheduler/config.ts'
import { rhythmOf } from '../../../services/runtime/plan/plan-slots.ts'
import { countFeeds } from '../../../services/scheduler/inbox/raw-payloads.ts'
import { takeFinishes } from '../../../services/scheduler/inbox/crawl-finished.ts'
import { judgeRuns } from '../../../services/scheduler/judged-runs.ts'
import { needsWork } from '../../../services/scheduler/idle-until.ts'
import { nextSlot, type Rhythm } from '../../../services/runtime/plan/rhythm.ts'
import { judgeSources } from '../../../services/scheduler/silence.ts'
import { readSources } from '../../../services/scheduler/sources.ts'
import { closeOrphans, endAttempts, finalizeRuns } from '../../../services/scheduler/open-runs.ts'
import { createSourceWatch } from '../../../services/scheduler/source-watch.ts'
import { onCleanup } from '../cleanup.ts'
import { testEnv } from '../stack.ts'
import { createDatabaseInTime, finishOf } from './setup.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const start = Date.parse('2026-01-01T00:00Z')
/** Rounds are close together at first, and a day apart later. */
const stepAt = (at: number) => (at < start + 10 * day ? 4 * hour : day)
const maxRunMs = 6 * hour
/** After the last fault, so that what was begun can end. */
const calmMs = 8 * day

type Source = { id: number; name: string; mayChange: boolean; catchUp: string }

/** The rhythms of 50 sources: frequency, cron, zone, window, jitter in s, catch-up. Hourly ones are late at each round. */
const kinds: [
  count: number,
  frequency: string,
  cron?: string,
  zone?: string,
  window?: string,
  jitter?: number,
  catchUp?: string,
][] = [
  [2, 'HOURLY'],
  [6, 'DAILY'],
  [2, 'DAILY', undefined, 'UTC', undefined, 0, 'all'],
  [2, 'DAILY', undefined, 'UTC', undefined, 0, 'none'],
  [2, 'DAILY', '30 2 * * *', 'Europe/Berlin'],
  [1, 'DAILY', '0 */8 * * *', 'America/New_York', undefined, 1800],
  [2, 'DAILY', '15 3 * * 1-5', 'Europe/Berlin', '08:00-18:00'],
  [1, 'WEEKLY', undefined, 'Europe/Berlin', '22:00-04:00'],
  [17, 'WEEKLY'],
  [15, 'MONTHLY'],
]

/** What a module does with a call. */
const fates = ['unreachable', 'silent', 'errors', 'partial', 'late', 'twice', 'foreign', 'frozen'] as const

function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mix = Math.imul(state ^ (state >>> 15), 1 | state)
    mix ^= mix + Math.imul(mix ^ (mix >>> 7), 61 | mix)
    return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Lets `days` pass for 50 sources, in which everything fails that may, on the scheduler's own code and statements: only
 * now() is ours.
 */
export async function simulate(seed: number, days: number) {
  const { tables, set } = await createDatabaseInTime(start)
  const config = readConfig({
    ...testEnv(),
    DATABASE_URL: tables.url,
    RETRY_BACKOFF_SECONDS: '3600',
    FIRST_RUN_QUIET_SECONDS: '0',
    FIRST_RUN_UNMAPPED_SECONDS: '0',
  })
  const database = await openPool(config)
  onCleanup(() => database.end())

  let at = start
  const random = createRandom(seed)
  const chance = (perDay: number) => random() < (perDay * stepAt(at)) / day
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const later: { at: number; act: () => Promise<void> | void }[] = []
  const feeds: { task_id: number; company: number }[] = []
  const finishes: CrawlFinished[] = []
  const takeFinish = takeFinishes(config, { log: createLog('test', 'silent') }, database, () => undefined)
  const countFeed = countFeeds(config, database)
  const watchers = [1, 2].map(() => createSourceWatch(config, database))
  let [looked, there] = [0, 0]
  const called = new Set<string>()
  const moduleDownUntil = new Map<number, number>()
  const sources: Source[] = []
  let companies = 0

  async function addSource(index: number, [, frequency, cron, zone, window, jitter, catchUp]: (typeof kinds)[number]) {
    const name = `source ${sources.length}`
    const id = await database.oneFirst(sql.unsafe`
      INSERT INTO public.data_source (source_name, is_active, frequency, health_status, max_run_seconds, invocation_endpoint, created_at, modified_at)
      VALUES (${name}, true, ${frequency}::public.frequency, 'UP', ${maxRunMs / 1000}, ${`module-${index % 30}`},
        now() AT TIME ZONE 'UTC' - interval '1 hour', now() AT TIME ZONE 'UTC' - interval '1 hour') RETURNING id`)
    const [from = null, to = null] = window?.split('-') ?? []
    if (cron !== undefined || zone !== undefined)
      await database.query(sql.unsafe`
        INSERT INTO scheduler.source_policy (data_source_id, cron, zone, window_from, window_to, jitter_seconds, catch_up)
        VALUES (${id as number}, ${cron ?? null}, ${zone ?? 'UTC'}, ${from}::time, ${to}::time, ${jitter ?? 0}, ${catchUp ?? 'latest'})`)
    const mayChange = frequency === 'WEEKLY' && zone === undefined && index % 5 === 0
    sources.push({ id: id as number, name, mayChange, catchUp: catchUp ?? 'latest' })
  }

  function finish({ data_source_id, task_id }: Claim, received_at: number, more: Partial<CrawlFinished> = {}): void {
    finishes.push(finishOf(data_source_id, task_id, { received_at, ...more }))
  }

  /** The module of a claim, and what becomes of it. */
  async function call(claim: Claim, isCalm: boolean): Promise<void> {
    const down = (moduleDownUntil.get(claim.data_source_id % 30) ?? 0) > at
    const fate = down ? 'unreachable' : !isCalm && random() < 0.15 ? pick(fates) : 'ok'
    const errors = { '1': { error_type: 'CrawlingError', error_description: 'x' } }
    if (fate === 'frozen') {
      // Its process stops before the call, and goes on when the claim is long another's.
      later.push({
        at: at + 5 * maxRunMs,
        act: async () => expect(await beginCall(config, database, claim)).toBe(false),
      })
      return
    }
    expect(await beginCall(config, database, claim)).toBe(true)
    const key = `${claim.task_id}/${claim.attempt}`
    expect(called).not.toContain(key)
    called.add(key)
    if (fate === 'silent') return
    if (fate === 'unreachable') return endCall(database, claim, { error: 'ECONNREFUSED', reached: false })
    if (fate === 'foreign') {
      later.push({ at: at + hour, act: () => finish(claim, at, { data_source_id: claim.data_source_id + 1 }) })
      return
    }
    const endAt = at + (fate === 'late' ? maxRunMs + 5 * hour : hour)
    later.push({
      at: endAt,
      act: () => {
        if (fate !== 'errors') feeds.push({ task_id: claim.task_id, company: 1 + Math.floor(random() * companies) })
        finish(claim, endAt, fate === 'errors' || fate === 'partial' ? { errors } : {})
      },
    })
    if (fate === 'twice') later.push({ at: endAt + day, act: () => finish(claim, endAt + day, { errors }) })
  }

  /** What people, modules and machines do between two rounds. */
  async function disturb(): Promise<void> {
    const one = pick(sources).id
    if (chance(0.2))
      await database.query(
        sql.unsafe`UPDATE public.data_source SET is_active = NOT is_active, modified_at = now() AT TIME ZONE 'UTC' WHERE id = ${one}`,
      )
    if (chance(0.2))
      await database.query(sql.unsafe`
        INSERT INTO scheduler.source_policy (data_source_id, paused_at, paused_until) VALUES (${one}, now(), now() + interval '3 days')
        ON CONFLICT (data_source_id) DO UPDATE SET paused_at = now(), paused_until = now() + interval '3 days'`)
    if (chance(0.1)) {
      const frequency = pick(['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY'])
      const changing = pick(sources.filter(({ mayChange }) => mayChange)).id
      // As parma-web does it.
      await database.query(
        sql.unsafe`UPDATE public.data_source SET frequency = ${frequency}::public.frequency, modified_at = now() AT TIME ZONE 'UTC' WHERE id = ${changing}`,
      )
      await database.query(
        sql.unsafe`DELETE FROM public.scheduled_task WHERE data_source_id = ${changing} AND scheduled_at > now() AT TIME ZONE 'UTC' + interval '5 minutes'`,
      )
    }
    if (chance(0.5))
      await database.query(
        sql.unsafe`INSERT INTO public.scheduled_task (data_source_id, schedule_type, scheduled_at) VALUES (${one}, 'ON_DEMAND', now() AT TIME ZONE 'UTC')`,
      )
    if (chance(0.1)) moduleDownUntil.set(Math.floor(random() * 30), at + day)
    if (chance(0.02)) {
      const [gone] = sources.splice(
        sources.findIndex(({ mayChange }) => mayChange),
        1,
      ) as [Source]
      await database.query(sql.unsafe`DELETE FROM public.data_source WHERE id = ${gone.id}`)
      await addSource(5, [1, 'WEEKLY'])
    }
  }

  /** One round of two schedulers at the same moment. */
  async function round(isCalm: boolean): Promise<void> {
    await endAttempts(config, database)
    await finalizeRuns(config, database)
    await closeOrphans(database)
    const working = (await readSources(config, database)).filter((one) => needsWork(one, one.now)).map(({ id }) => id)
    const looks = await Promise.all(watchers.map((look) => look()))
    for (const look of looks) {
      const ids = new Set(look.sources.map(({ id }) => id))
      expect(
        working.filter((id) => !ids.has(id)),
        'sources with work that nobody looks at',
      ).toEqual([])
      looked += ids.size
      there += sources.length
    }
    const both = await Promise.all(looks.map((look) => claimDue(config, database, look.sources, 1000)))
    const claims = both.flatMap(({ claims }) => claims).sort((a, b) => a.data_source_id - b.data_source_id)
    for (const claim of claims) await call(claim, isCalm)
    let judged: number
    do {
      judged = await judgeRuns(config, database)
    } while (judged > 0)
    const broken = await database.any(sql.unsafe`
      SELECT data_source_id, count(*) AS runs, bool_or(r.finished_at IS NULL
        AND t.started_at + t.max_run_seconds * interval '1 second' <= now() AT TIME ZONE 'UTC') AS over
      FROM public.scheduled_task t JOIN scheduler.run r USING (task_id, data_source_id) WHERE status = 'PROCESSING'
      GROUP BY data_source_id
      HAVING count(*) > 1 OR bool_or(r.finished_at IS NULL
        AND t.started_at + t.max_run_seconds * interval '1 second' <= now() AT TIME ZONE 'UTC')`)
    expect(broken, 'sources with overlapping runs, or with one beyond its deadline').toEqual([])
  }

  for (const kind of kinds) for (let n = 0; n < kind[0]; n++) await addSource(sources.length, kind)
  for (; companies < 3; companies++)
    await database.query(
      sql.unsafe`INSERT INTO public.company (name, modified_at) VALUES ('c', now() AT TIME ZONE 'UTC')`,
    )

  const end = start + days * day
  let skewMs = 0
  for (; at < end; at += stepAt(at)) {
    const isCalm = at >= end - calmMs
    if (chance(0.3)) skewMs = isCalm ? 0 : pick([-10 * minute, 0, 10 * minute])
    await set(at + skewMs)
    for (const due of later.filter((one) => one.at <= at)) await due.act()
    later.splice(0, later.length, ...later.filter((one) => one.at > at))
    const delivery = { topic: 't', partition: 0, offset: '0', timestamp: at, headers: {} }
    if (feeds.length > 0)
      await countFeed(
        feeds.splice(0).map(({ task_id, company }) => ({
          ...{ ...delivery, key: String(company), value: undefined },
          headers: { event_id: randomUUID(), task_id: String(task_id) },
        })),
      )
    if (finishes.length > 0) await takeFinish(finishes.splice(0).map((value) => ({ ...delivery, key: 'k', value })))
    if (!isCalm) await disturb()
    await round(isCalm)
    if ((at - start) % (7 * day) === 0) await judgeSources(config, database)
    // Nobody is there for up to three days.
    if (!isCalm && chance(0.03)) at += Math.floor(random() * 4) * day
  }

  const plans = await readSources(config, database)
  const runs = await tables.query<{ source: number; type: string; slot: number; told: string }>(
    `SELECT data_source_id AS source, schedule_type AS type, (extract(epoch FROM slot) * 1000)::float8 AS slot,
       concat_ws(' ', data_source_id, schedule_type, slot, attempt, started_at, outcome, reason, finish_late, fed) AS told
     FROM scheduler.run ORDER BY data_source_id, slot, schedule_type, started_at`,
  )
  const missed = await tables.query<{ source: number; from: number; to: number; slots: number; told: string }>(
    `SELECT data_source_id AS source, (extract(epoch FROM from_slot) * 1000)::float8 AS from, (extract(epoch FROM to_slot) * 1000)::float8 AS to,
       slots, concat_ws(' ', data_source_id, from_slot, to_slot, slots, reason) AS told
     FROM scheduler.missed ORDER BY data_source_id, from_slot`,
  )
  const open = await tables.query(
    `SELECT FROM scheduled_task t JOIN scheduler.run r USING (task_id)
     WHERE status = 'PROCESSING' AND t.started_at < to_timestamp(${(end - 2 * day - maxRunMs) / 1000}) AT TIME ZONE 'UTC'`,
  )
  const unsettled = await tables.query(
    `SELECT FROM scheduler.run WHERE outcome IS NULL AND started_at < to_timestamp(${(end - 4 * day) / 1000})`,
  )
  const history = [...runs, ...missed].map(({ told }) => told)
  return { end, sources, plans, runs, missed, open, unsettled, history, looked: looked / there }
}

/** Goes along the slots of a source, all of which must have been run or missed, by one of the rhythms that it had. */
function follow(rhythms: readonly Rhythm[], items: readonly { from: number; to: number; slots: number }[]): number {
  let cursor = items[0]?.from ?? NaN
  for (const [index, { from, to, slots }] of items.entries()) {
    if (index > 0) expect(rhythms.map((rhythm) => nextSlot(rhythm, cursor))).toContain(from)
    cursor = from
    const [rhythm, ...others] = rhythms
    // Those in a row may be of several rhythms.
    if (!rhythm || others.length > 0) cursor = to
    else for (let n = 1; n < slots; n++) cursor = nextSlot(rhythm, cursor) ?? NaN
    expect(cursor).toBe(to)
  }
  return cursor
}

/** Each slot of each source was run once or missed with a reason, and nothing that was begun is left. */
export function checkHistory({
  sources,
  plans,
  runs,
  missed,
  open,
  unsettled,
  end,
}: Awaited<ReturnType<typeof simulate>>) {
  expect(open).toEqual([])
  expect(unsettled).toEqual([])
  let [ran, lost] = [0, 0]
  for (const { id, name, mayChange, catchUp } of sources) {
    const own = runs.filter(({ source, type }) => source === id && type === 'REGULAR')
    expect(new Set(own.map(({ slot }) => slot)).size, `slots of ${name}`).toBe(own.length)
    const plan = plans.find((one) => one.id === id) ?? expect.fail(`no ${name}`)
    const items = [
      ...own.map(({ slot }) => ({ from: slot, to: slot, slots: 1 })),
      ...missed.filter(({ source }) => source === id),
    ].sort((a, b) => a.from - b.from)
    const rhythm = rhythmOf(plan)
    const frequencies = mayChange ? (['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY'] as const) : [rhythm.frequency]
    const last = follow(
      frequencies.map((frequency) => ({ ...rhythm, frequency })),
      items,
    )
    // At most the slot that waits now is not decided.
    const waiting = nextSlot(rhythm, last) ?? NaN
    if (catchUp === 'latest') expect(nextSlot(rhythm, waiting), `next of ${name}`).toBeGreaterThan(end - 2 * day)
    ran += own.length
    lost += missed.filter(({ source }) => source === id).reduce((sum, { slots }) => sum + slots, 0)
  }
  return { ran, lost }
}
