import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { root } from '../../../deploy/local/config.ts'
import { allKinds, ownKinds, planFaults } from './plan.ts'
import { runNemesis } from './run.ts'

/** `own`: only faults that hit nothing but what belongs to the run. */
type Seed = { seed: string; forMs: number; only: 'own' | 'all' }

const minuteMs = 60_000
/** Seeds that failed once, `<seed> <ms> <only>` a line. They stay, and run first. */
const failedFile = join(root, 'test/faults/nemesis-failed.txt')

/** The nth seed of this commit: nobody chooses it, and a repeated run has the same ones. */
export function seedOf(n: number): string {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  return createHash('sha256').update(`${commit}/${n}`).digest('hex').slice(0, 12)
}

/** The seeds that failed before, then those of this commit: so many of a minute and of a quarter of an hour. */
export function listSeeds({ minutes, quarters }: { minutes: number; quarters: number }): Seed[] {
  const own = Array.from({ length: minutes + quarters }, (_, n) => ({
    seed: seedOf(n),
    forMs: n < minutes ? minuteMs : 15 * minuteMs,
    only: 'all' as const,
  }))
  const failed = readFailed()
  return [...failed, ...own.filter((one) => !failed.some(isSame(one)))]
}

/** Runs the nemesis, and notes the seed when it fails. */
export async function runSeed({ seed, forMs, only }: Seed): Promise<void> {
  const run = { seed, forMs, from: only === 'own' ? ownKinds : allKinds }
  const came = new Set(planFaults(seed, run).faults.map(({ kind }) => kind))
  expect(came.size).toBeGreaterThanOrEqual(forMs > 10 * minuteMs ? run.from.length : 5)
  try {
    await runNemesis({ ...run, recoveryMs: minuteMs })
  } catch (error) {
    if (!readFailed().some(isSame({ seed, forMs, only }))) appendFileSync(failedFile, `${seed} ${forMs} ${only}\n`)
    throw error
  }
}

const isSame = (one: Seed) => (other: Seed) => one.seed === other.seed && one.only === other.only

function readFailed(): Seed[] {
  if (!existsSync(failedFile)) return []
  const lines = readFileSync(failedFile, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [seed = '', ms, only] = line.split(' ')
    return { seed, forMs: Number(ms), only: only === 'own' ? 'own' : 'all' }
  })
}
