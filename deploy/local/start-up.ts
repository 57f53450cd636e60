import type { Supervised } from './processes.ts'

/** On a machine under load a start can take many minutes. */
const deadlineMs = 15 * 60_000
const reportEveryMs = 15_000

/**
 * Resolves when all `processes` are healthy, and says what it waits for. Rejects when one of them dies again and
 * again, or is not healthy after a quarter of an hour.
 */
export async function waitForAll(
  what: string,
  processes: Pick<Supervised, 'name' | 'waitUntilHealthy'>[],
  say: (text: string) => void,
  everyMs = reportEveryMs,
): Promise<void> {
  const startedAt = performance.now()
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1)
  const missing = new Set(processes.map(({ name }) => name))
  say(`starting the ${what}`)
  const report = setInterval(
    () =>
      say(`still starting after ${Math.round((performance.now() - startedAt) / 1000)} s: ${[...missing].join(', ')}`),
    everyMs,
  )
  try {
    await Promise.all(
      processes.map(async ({ name, waitUntilHealthy }) => {
        await waitUntilHealthy(deadlineMs)
        missing.delete(name)
      }),
    )
  } finally {
    clearInterval(report)
  }
  say(`the ${what} are up after ${seconds()} s`)
}
