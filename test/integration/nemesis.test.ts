import { test } from 'vitest'
import { runSeed, seedOf } from '../harness/nemesis/seeds.ts'

const seed = seedOf(0)
console.log(`nemesis: seed ${seed}`)

test('a minute of faults loses and doubles nothing', { timeout: 400_000 }, () =>
  runSeed({ seed, forMs: 60_000, only: 'own' }),
)
