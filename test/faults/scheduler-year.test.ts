import { expect, test } from 'vitest'
import { checkHistory, simulate } from '../harness/scheduler/simulation.ts'

test('the same year, with all its faults and two schedulers at once, has the same history', async () => {
  const [year, again] = await Promise.all([simulate(8, 365), simulate(8, 365)])
  checkHistory(year)
  expect(again.history).toEqual(year.history)
})
