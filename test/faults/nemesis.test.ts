import { test } from 'vitest'
import { listSeeds, runSeed } from '../harness/nemesis/seeds.ts'

const seeds = listSeeds({ minutes: 20, quarters: 2 })
console.log(`nemesis: seeds ${seeds.map(({ seed, forMs }) => `${seed} (${forMs / 1000} s)`).join(', ')}`)

test.each(seeds)('faults of all kinds for $forMs ms by seed $seed', { timeout: 2_700_000 }, (one) => runSeed(one))
