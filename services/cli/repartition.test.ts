import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { EdgeState } from './feed-hold.ts'
import { addDrained, addUnlessLagging } from './repartition.ts'

// Timers of node:timers/promises are not faked.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
}))

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type System = { lag?: number; written?: number; edges?: EdgeState[] }
const waiting: EdgeState = { name: 'a:8080', state: 'waiting', reason: null }
const sending: EdgeState = { name: 'b:8080', state: null, reason: null }

/** Records the steps, with the second at which each was taken, in a system that is at each second as `at` says. */
function recordSteps(at: (second: number) => System) {
  const startedAt = performance.now()
  const second = () => Math.floor((performance.now() - startedAt) / 1000)
  const taken: string[] = []
  const note = async (what: string) => void taken.push(`${what} at ${second()}`)
  const lagOf = (service: string, lag: number, written: number) => ({
    ...{ service, topic: 'mining.raw-payloads.v1', lag, written },
    dead_letters: 0,
  })
  const steps = {
    readLag: async () => {
      const { lag = 0, written = 0 } = at(second())
      return [lagOf('normalizer', lag, written), lagOf('raw-sink', 0, written)]
    },
    readEdges: async () => at(second()).edges ?? [waiting],
    addPartitions: () => note('add'),
    hold: async (ms: number) => (taken.push(`hold for ${ms / 1000}`), 'this hold'),
    release: (id: string) => note(`release ${id}`),
    say: () => undefined,
  }
  return { taken, steps }
}

/** Runs `addDrained` to its end and returns its error's text. */
async function drain(at: (second: number) => System, change: { addPartitions?: () => Promise<void> } = {}) {
  const { taken, steps } = recordSteps(at)
  const done = addDrained({ ...steps, ...change }).then(
    () => null,
    ({ message }: Error) => message,
  )
  await vi.advanceTimersByTimeAsync(100_000)
  return { taken, error: await done }
}

test('nothing is added while a service lags, and the error says which and by how much', async () => {
  const { taken, steps } = recordSteps(() => ({ lag: 12 }))
  await expect(addUnlessLagging(steps)).rejects.toThrow(
    'No partition was added, because services lag: normalizer by 12 on mining.raw-payloads.v1. ' +
      'Wait, or let edges hold payloads with --drain.',
  )
  expect(taken).toEqual([])
  const { taken: added, steps: clear } = recordSteps(() => ({}))
  await addUnlessLagging(clear)
  expect(added).toEqual(['add at 0'])
})

test('edges hold until it has been quiet for a while and everybody knows the new partitions', async () => {
  const lag = await drain((second) => ({ lag: second < 20 || second === 21 ? 7 : 0 }))
  expect(lag).toEqual({ taken: ['hold for 95', 'add at 25', 'release this hold at 57'], error: null })
  const late = await drain((second) => ({ edges: [waiting, ...(second < 10 ? [sending] : [])] }))
  expect(late.taken).toEqual(['hold for 95', 'add at 13', 'release this hold at 45'])
  const trickle = await drain((second) => ({ written: Math.min(second, 30) }))
  expect(trickle.taken).toEqual(['hold for 95', 'add at 33', 'release this hold at 65'])
})

test.each<[string, System, string]>([
  ['a lag', { lag: 3 }, 'after 60 seconds services still lag: normalizer by 3 on mining.raw-payloads.v1'],
  [
    'an edge that does not answer',
    { edges: [waiting, sending] },
    'after 60 seconds edges have not said that they let modules wait: b:8080',
  ],
])('edges go on as before, with a reason, after %s of more than 60 seconds', async (_, system, reason) => {
  expect(await drain(() => system)).toEqual({
    taken: ['hold for 95', 'release this hold at 60'],
    error: `No partition was added, and edges send payloads as before: ${reason}.`,
  })
})

test('nothing is added when the reads took longer than edges hold', async () => {
  const { taken, steps } = recordSteps(() => ({}))
  let reads = 0
  const readLag = async () => {
    if (++reads === 7) await new Promise((done) => setTimeout(done, 90_000))
    return steps.readLag()
  }
  const failed = expect(addDrained({ ...steps, readLag })).rejects.toThrow(
    'after 60 seconds nothing was on its way any more, but it was too late to add partitions',
  )
  await vi.advanceTimersByTimeAsync(200_000)
  await failed
  expect(taken).toEqual(['hold for 95', 'release this hold at 93'])
})

test('edges go on as before at once when one of them is full, or partitions cannot be added', async () => {
  const full: EdgeState = { name: 'b:8080', state: 'gave-way', reason: '9 requests were waiting' }
  expect(await drain((second) => ({ lag: 1, edges: [waiting, second < 5 ? sending : full] }))).toEqual({
    taken: ['hold for 95', 'release this hold at 5'],
    error:
      'No partition was added, and edges send payloads as before: edge b:8080 sends again: 9 requests were waiting.',
  })
  const refused = await drain(() => ({}), { addPartitions: () => Promise.reject(new Error('not allowed')) })
  expect(refused).toEqual({ taken: ['hold for 95', 'release this hold at 3'], error: 'not allowed' })
  const senders = await drain((second) => ({ written: second }))
  expect(senders.error).toContain(
    'records still come, from an edge that does not reach Postgres or from another sender',
  )
})
