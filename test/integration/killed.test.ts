import { expect, test } from 'vitest'
import { createMortal, type Mortal } from '../harness/mortal/setup.ts'
import type { StartedProcess } from '../harness/process.ts'
import { waitFor } from '../harness/wait-for.ts'

/** Subjects in the order in which they were processed, each once per time. */
const processed = (consumers: readonly StartedProcess[]) =>
  consumers.flatMap(({ logs }) =>
    [...logs().matchAll(/^processed (.*)$/gm)].flatMap(([, subjects = '']) => subjects.split(' ')),
  )

/** Starts the consumer until it has died `times` times, or has processed `last`. Returns how often it died. */
async function dieUntil(mortal: Mortal, times: number, last: string, env = {}): Promise<number> {
  const consumers: StartedProcess[] = []
  for (let deaths = 0; deaths < times; deaths++) {
    const consumer = await mortal.start(env)
    consumers.push(consumer)
    const end = await waitFor('death or the last record', () =>
      consumer.logs().includes('dies') ? 'dead' : processed([consumer]).includes(last) && 'through',
    )
    await consumer.kill()
    await mortal.expel()
    if (end === 'through') return deaths
  }
  return times
}

test('a record that kills whoever reads it is a dead letter after two deaths among others and three alone', async () => {
  const mortal = await createMortal()
  await mortal.feed(['a', 'b', 'killer', 'c', 'd'])
  expect(await dieUntil(mortal, 9, 'd')).toBe(5)
  expect(await mortal.readDead()).toEqual([['killer', 'killed-the-process']])
})

test('while a server is away, no record is blamed for a death', async () => {
  const mortal = await createMortal()
  await mortal.feed(['killer', 'a'])
  expect(await dieUntil(mortal, 6, 'a', { MORTAL_AWAY: 'yes' })).toBe(6)
  expect(await mortal.readDead()).toEqual([])
  expect(await dieUntil(mortal, 9, 'a')).toBe(3)
  expect(await mortal.readDead()).toEqual([['killer', 'killed-the-process']])
})
