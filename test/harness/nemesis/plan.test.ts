import { expect, test } from 'vitest'
import { allKinds, kinds, ownKinds, planFaults } from './plan.ts'

const seeds = Array.from({ length: 200 }, (_, n) => `seed-${n}`)
const minute = { forMs: 60_000, from: allKinds }

test('the same seed gives the same plan, another one another', () => {
  expect(planFaults('a', minute)).toEqual(planFaults('a', minute))
  expect(planFaults('a', minute)).not.toEqual(planFaults('b', minute))
})

test('a minute has at least ten kinds, and each fault ends within it', () => {
  for (const seed of seeds) {
    const { faults } = planFaults(seed, minute)
    expect(new Set(faults.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(10)
    for (const { kind, target, atMs, forMs } of faults) {
      expect(kinds[kind].targets).toContain(target)
      expect(atMs + forMs).toBeLessThanOrEqual(60_000)
    }
  }
})

test('fifteen minutes have all kinds', () => {
  for (const seed of seeds.slice(0, 10)) {
    const { faults } = planFaults(seed, { forMs: 900_000, from: allKinds })
    expect(new Set(faults.map(({ kind }) => kind)).size).toBe(allKinds.length)
  }
})

test('servers that others use are spared where only own things may be hit', () => {
  const { faults } = planFaults('a', { forMs: 60_000, from: ownKinds })
  expect(faults.filter(({ kind }) => kinds[kind].hits === 'servers')).toEqual([])
})

test('a thing has one fault at a time, and so have all servers together', () => {
  for (const seed of seeds) {
    const last = new Map<string, number>()
    for (const { kind, target, atMs, forMs } of planFaults(seed, minute).faults) {
      // One process more is no fault of the others.
      if (kind === 'three replicas') continue
      const thing = kinds[kind].hits === 'servers' ? 'servers' : target
      expect(atMs).toBeGreaterThanOrEqual(last.get(thing) ?? 0)
      last.set(thing, atMs + forMs)
    }
  }
})
