import { expect, test, vi } from 'vitest'
import { openBrokerState } from './broker-state.ts'

test('pages that ask at the same time share one reading', async () => {
  const read = vi.fn(() => Promise.resolve([]))
  const ask = openBrokerState(read)
  expect(await Promise.all([ask(), ask(), ask()])).toMatchObject([{ states: [] }, { states: [] }, { states: [] }])
  await ask()
  expect(read).toHaveBeenCalledTimes(1)
})

test('a broker that hangs costs a second once, and nothing while it goes on hanging', async () => {
  const ask = openBrokerState(() => new Promise(() => undefined))
  const timed = async () => {
    const began = performance.now()
    return { answer: await ask(), ms: performance.now() - began }
  }
  const first = await timed()
  expect(first.answer).toEqual({ error: 'no answer within 1000 ms' })
  expect(first.ms).toBeLessThan(3000)
  const second = await timed()
  expect(second.answer).toEqual(first.answer)
  expect(second.ms).toBeLessThan(500)
})

test('an error is said, and asked again by the next page', async () => {
  const read = vi.fn().mockRejectedValueOnce(new Error('refused')).mockResolvedValue([])
  const ask = openBrokerState(read)
  expect(await ask()).toEqual({ error: 'refused' })
  expect(await ask()).toMatchObject({ states: [] })
})
