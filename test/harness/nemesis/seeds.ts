import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../../deploy/local/config.ts'

type Seed = { seed: string; forMs: number }

const minuteMs = 60_000
/** Seeds that failed once, `<seed> <ms>` a line. They stay, and run first. */
const failedFile = join(root, 'test/faults/nemesis-failed.txt')

/** The nth seed of this commit: nobody chooses it, and a repeated run has the same ones. */
function seedOf(n: number): string {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  return createHash('sha256').update(`${commit}/${n}`).digest('hex').slice(0, 12)
}

/** The seeds that failed before, then those of this commit: so many of a minute and of a quarter of an hour. */
export function listSeeds({ minutes, quarters }: { minutes: number; quarters: number }): Seed[] {
  const own = Array.from({ length: minutes + quarters }, (_, n) => ({
    seed: seedOf(n),
    forMs: n < minutes ? minuteMs : 15 * minuteMs,
  }))
  const failed = readFailed()
  return [...failed, ...own.filter(({ seed }) => failed.every((one) => one.seed !== seed))]
}

/** Notes the seed when `work` rejects. */
export async function keepFailed(seed: string, forMs: number, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (readFailed().every((one) => one.seed !== seed)) appendFileSync(failedFile, `${seed} ${forMs}\n`)
    throw error
  }
}

function readFailed(): Seed[] {
  if (!existsSync(failedFile)) return []
  const lines = readFileSync(failedFile, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [seed = '', ms] = line.split(' ')
    return { seed, forMs: Number(ms) }
  })
}
