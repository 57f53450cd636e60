import { expect, test } from 'vitest'
import type { Delivery } from '#runtime/consume/outcome.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { storePayloads } from './handle.ts'
import type { Store } from './store.ts'

const [known, other] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']

function delivery(event_id: string, content_hash: string): Delivery<RawPayload> {
  const times = { received_at: 0, observed_at: null, history: false }
  const ids = { data_source_id: 1, source_name: 'github', company_id: '1', task_id: null, map_version: null }
  const value = { event_id, ...times, ...ids, body: Buffer.from('{}'), content_hash, replay: null }
  return { topic: 'mining.raw-payloads.v1', partition: 0, offset: '0', key: '1', value, headers: {}, timestamp: 0 }
}

test('payloads of very many values are in memory one at a time', async () => {
  let [open, most] = [0, 0]
  const store: Store = async ({ contentHash }) => {
    most = Math.max(most, ++open)
    await new Promise((done) => setImmediate(done))
    open--
    if (contentHash === 'b') throw new Error('away')
    return { kind: 'created' }
  }
  const body = Buffer.from(`{"raw_data":{"a":[${'{},'.repeat(5000)}{}]}}`)
  const batch = (hashes: string[]) =>
    hashes.map((hash, n) => {
      const one = delivery(known.replace(/1$/, String(n)), hash)
      return { ...one, value: { ...one.value, body } }
    })
  const handle = storePayloads(store)
  await expect(handle(batch(['a', 'b', 'c']))).rejects.toThrow('away')
  expect((await handle(batch(['a', 'c', 'd']))).map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok'])
  expect(most).toBe(1)
})

test('of two contents under one id the first in the partition is kept, however long it takes', async () => {
  const there = new Map<string, string>()
  const otherIsStored = Promise.withResolvers<void>()
  const store: Store = async ({ path, contentHash }) => {
    if (contentHash === 'slow') await otherIsStored.promise
    const before = there.get(path) ?? contentHash
    there.set(path, before)
    if (path.includes(other)) otherIsStored.resolve()
    return before === contentHash ? { kind: 'created' } : { kind: 'conflict', path }
  }
  const batch = [delivery(known, 'slow'), delivery(other, 'fast'), delivery(known, 'fast'), delivery(known, 'slow')]
  const outcomes = await storePayloads(store)(batch)
  expect(outcomes.map(({ kind }) => kind)).toEqual(['ok', 'ok', 'dead', 'ok'])
})
