import { nextSlot, type Rhythm } from '#runtime/plan/rhythm.ts'

export type Health = 'UP' | 'DOWN'

/**
 * DOWN after `runsToDown` failed runs in a row, UP after one that did not fail. `runs`: the newest ones, newest first.
 */
export function judgeHealth(status: Health, runs: readonly { failed: boolean }[], runsToDown: number): Health {
  const [newest] = runs
  if (newest && !newest.failed) return 'UP'
  return runs.length >= runsToDown && runs.slice(0, runsToDown).every(({ failed }) => failed) ? 'DOWN' : status
}

/** What decides whether a source is stale. Times are ms since 1970. */
export type Silence = {
  off: string | null
  rhythm: Rhythm
  /** Whether there is a company that it could bring values of. */
  has_companies: boolean
  /** When its newest value was observed, or when it was created. */
  last_value_at: number
  /** The last slot that was skipped because the source was switched off or paused. */
  last_off_at: number | null
  /** How long after its slot a run may take, with all attempts, plus STALE_GRACE_SECONDS. */
  grace_ms: number
  last_run: { started_at: number; over: boolean; failed: boolean; reason: string | null } | null
}

export type Stale = { what: 'did not run' | 'ran, no value'; since: number; because: string }

/**
 * Stale: since the last value a planned slot has passed, its run should have ended, and no value since then was
 * observed. Null: it is
 * not.
 */
export function judgeSilence(silence: Silence, now: number): Stale | null {
  const { off, rhythm, has_companies, last_value_at, last_off_at, grace_ms, last_run } = silence
  if (off !== null || !has_companies) return null
  const since = Math.max(last_value_at, last_off_at ?? -Infinity)
  const expected = nextSlot(rhythm, since)
  if (expected === null || expected + grace_ms >= now) return null
  if (last_run === null || last_run.started_at <= since)
    return { what: 'did not run', since, because: 'no run has started' }
  if (!last_run.over) return { what: 'did not run', since, because: 'a run is going on and has fed nothing new' }
  if (last_run.failed) return { what: 'did not run', since, because: `its last run failed: ${last_run.reason}` }
  return { what: 'ran, no value', since, because: 'its last run finished and fed nothing new' }
}
