import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createMortal } from '../harness/mortal/setup.ts'
import type { StartedProcess } from '../harness/process.ts'
import { waitFor } from '../harness/wait-for.ts'

const subjectsOf = (count: number) => Array.from({ length: count }, (_, n) => `r${n}`)
/** What the consumers have processed, in no order: a subject as often as it was told. */
const listProcessed = (consumers: readonly StartedProcess[]) =>
  consumers
    .flatMap(({ logs }) => [...logs().matchAll(/^processed (.*)$/gm)])
    .flatMap(([, those = '']) => those.split(' '))

test('a stop in the middle of a batch is told nothing twice, a kill only the batch that it cut', async () => {
  const mortal = await createMortal()
  const subjects = subjectsOf(120)
  await mortal.feed(subjects)
  const env = { MORTAL_MS: '50', CONSUME_MAX_BATCH: '10' }
  const consumers: StartedProcess[] = []
  for (let stop = 0; stop < 5; stop++) {
    const consumer = await mortal.start(env)
    consumers.push(consumer)
    await waitFor('a batch', () => /began \d+\s*$/.test(consumer.logs()))
    expect(await consumer.stop()).toBe(0)
  }
  expect(listProcessed(consumers).length).toBeGreaterThanOrEqual(50)

  const killed = await mortal.start(env)
  await waitFor('a batch', () => /began \d+\s*$/.test(killed.logs()))
  await killed.kill()
  await mortal.expel()
  consumers.push(killed, await mortal.start({ MORTAL_MS: '0' }))
  await waitFor('the rest', () => new Set(listProcessed(consumers)).size === subjects.length)
  expect(listProcessed(consumers).sort()).toEqual([...subjects].sort())
})

test('a member that comes and goes every two seconds for a minute neither holds up the group nor has it work twice', async () => {
  const mortal = await createMortal()
  const subjects = subjectsOf(4000)
  await mortal.feed(subjects)
  const env = { MORTAL_MS: '20', CONSUME_MAX_BATCH: '25' }
  const consumers = await Promise.all([mortal.start(env), mortal.start(env)])
  const startedAt = performance.now()
  const progress: number[] = []
  for (let next = 10_000; performance.now() - startedAt < 60_000;) {
    const guest = await mortal.start(env)
    consumers.push(guest)
    await delay(2000)
    // On a busy machine it may not have begun to listen for the signal.
    await guest.stop()
    if (performance.now() - startedAt < next) continue
    progress.push(new Set(listProcessed(consumers)).size)
    next += 10_000
  }
  const grown = progress.map((count, n) => count - (progress[n - 1] ?? 0))
  console.log(`records processed in each 10 s while a member came and went: ${grown.join(', ')}`)
  for (const count of grown) expect(count).toBeGreaterThan(0)
  const told = listProcessed(consumers)
  expect(told.length).toBeLessThanOrEqual(1.2 * new Set(told).size)
})
