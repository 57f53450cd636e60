import { expect, test } from 'vitest'
import { allKinds, planFaults } from '../harness/nemesis/plan.ts'
import { runNemesis } from '../harness/nemesis/run.ts'
import { keepFailed, listSeeds } from '../harness/nemesis/seeds.ts'

const recoveryMs = 60_000

const seeds = listSeeds({ minutes: 20, quarters: 2 })
console.log(`nemesis: seeds ${seeds.map(({ seed, forMs }) => `${seed} (${forMs / 1000} s)`).join(', ')}`)

test.each(seeds)('faults of all kinds for $forMs ms by seed $seed', { timeout: 1_500_000 }, async ({ seed, forMs }) => {
  const { faults } = planFaults(seed, { forMs, from: allKinds })
  expect(new Set(faults.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(forMs > 600_000 ? allKinds.length : 5)
  await keepFailed(seed, forMs, () => runNemesis({ seed, forMs, from: allKinds, recoveryMs }))
})
