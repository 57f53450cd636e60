import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limitWork } from './limit-work.ts'

const tooBusy = () => new Error('busy')

test('further work waits for its turn, and is refused when that takes too long', async () => {
  const limited = limitWork(2, 20, tooBusy)
  const ends: (() => void)[] = []
  const begun: number[] = []
  const hold = (number: number) =>
    limited(() => {
      begun.push(number)
      return new Promise<void>((resolve) => ends.push(resolve))
    })
  const first = [hold(1), hold(2)]
  await expect(hold(3)).rejects.toThrow('busy')
  const later = hold(4)
  ends[0]?.()
  await first[0]
  await expect.poll(() => begun).toEqual([1, 2, 4])
  ends.forEach((end) => end())
  await Promise.all([...first, later])
  expect(await limited(async () => 'room again')).toBe('room again')
})

test('never more at once than allowed, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.boolean(), { maxLength: 12 }),
      async (atOnce, jobs) => {
        const limited = limitWork(atOnce, 10_000, tooBusy)
        let running = 0
        let most = 0
        const results = await Promise.allSettled(
          jobs.map((fails) =>
            limited(async () => {
              most = Math.max(most, ++running)
              await delay(1)
              running--
              if (fails) throw new Error('x')
            }),
          ),
        )
        expect(results.map(({ status }) => status === 'rejected')).toEqual(jobs)
        expect(most).toBeLessThanOrEqual(atOnce)
      },
    ),
    { numRuns: 30 },
  )
})
