import { expect, test } from 'vitest'
import { checkHistory, simulate } from '../harness/scheduler/simulation.ts'

test('a year of 50 sources and their faults: each slot runs once or is missed with a reason, no runs overlap, none is left', async () => {
  const [year, again] = await Promise.all([simulate(6, 365), simulate(7, 20)])
  const { ran, lost } = checkHistory(year)
  expect(ran).toBeGreaterThan(3000)
  expect(lost).toBeGreaterThan(5000)
  expect(year.looked, 'share of the sources looked at in a round').toBeLessThan(0.7)
  expect((await simulate(7, 20)).history).toEqual(again.history)
}, 600_000)
