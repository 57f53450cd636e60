import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createMortal } from '../harness/mortal/setup.ts'
import type { StartedProcess } from '../harness/process.ts'
import { waitFor } from '../harness/wait-for.ts'

const kills = 20
const records = 400

test('20 SIGKILLs at random moments make no dead letter, and nothing is left out', async () => {
  const mortal = await createMortal()
  const subjects = Array.from({ length: records }, (_, n) => `r${n}`)
  await mortal.feed(subjects)
  const consumers: StartedProcess[] = []
  // Batches of ten take half a second, and there are more of them than the kills leave time for.
  const env = { MORTAL_MS: '50', CONSUME_MAX_BATCH: '10' }
  let hits = 0
  for (let kill = 0; kill < kills; kill++) {
    const consumer = await mortal.start(env)
    consumers.push(consumer)
    await waitFor('the consumer to begin', () => consumer.logs().includes('began'))
    await delay(Math.random() * 1500)
    await consumer.kill()
    if (/began \d+\s*$/.test(consumer.logs())) hits++
    await mortal.expel()
  }
  expect(hits).toBeGreaterThan(kills / 4)

  const last = await mortal.start({ ...env, MORTAL_MS: '0' })
  const seen = () => {
    const lines = [...consumers, last].flatMap(({ logs }) => [...logs().matchAll(/^processed (.*)$/gm)])
    return new Set(lines.flatMap(([, those = '']) => those.split(' ')))
  }
  await waitFor('the rest', () => seen().size === records)
  expect(await mortal.readDead()).toEqual([])
})
