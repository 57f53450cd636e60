import { nextSlot, type Rhythm } from './rhythm.ts'

export type Health = 'UP' | 'DOWN'

/** Down after `runsToDown` failed runs in a row, up after one that did not fail. `runs`: the newest ones, newest first. */
export function judgeHealth(status: Health, runs: readonly { failed: boolean }[], runsToDown: number): Health {
  const [newest] = runs
  if (newest && !newest.failed) return 'UP'
  return runs.length >= runsToDown && runs.slice(0, runsToDown).every(({ failed }) => failed) ? 'DOWN' : status
}

/** What tells whether a source is silent for longer than its plan says. Times are ms since 1970. */
export type Silence = {
  off: string | null
  rhythm: Rhythm
  /** It has companies to bring something of. */
  has_companies: boolean
  /** Its last value; else when it was made. */
  last_value_at: number
  /** The last slot that it missed because it was switched off or paused. */
  last_off_at: number | null
  /** What a run may take after its slot, with all attempts, and what it is given beyond. */
  grace_ms: number
  last_run: { started_at: number; over: boolean; failed: boolean; reason: string | null } | null
}

export type Stale = { what: 'did not run' | 'ran, no value'; since: number; because: string }

/** Stale: a slot of the plan has passed since the last value, its run should be over, and no value came. */
export function judgeSilence(silence: Silence, now: number): Stale | null {
  const { off, rhythm, has_companies, last_value_at, last_off_at, grace_ms, last_run } = silence
  if (off !== null || !has_companies) return null
  const since = Math.max(last_value_at, last_off_at ?? -Infinity)
  const expected = nextSlot(rhythm, since)
  if (expected === null || expected + grace_ms >= now) return null
  if (last_run === null || last_run.started_at <= since)
    return { what: 'did not run', since, because: 'no run has been started' }
  if (!last_run.over) return { what: 'did not run', since, because: 'a run is under way and has brought nothing' }
  if (last_run.failed) return { what: 'did not run', since, because: `its last run failed: ${last_run.reason}` }
  return { what: 'ran, no value', since, because: 'its last run finished and fed nothing' }
}
