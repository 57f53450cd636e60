import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Database } from '#runtime/postgres/database.ts'
import { createLog } from '#runtime/process/log.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import { limitDailyBytes } from './daily-bytes.ts'

const source = { id: 7, name: 'github', endpoint: '', has_map: false, map_version: null }
const stop = new AbortController()
const context = {
  ...{ name: 'edge', log: createLog('edge', 'silent'), scope: new AsyncDisposableStack(), stopping: stop.signal },
  health: { live: () => undefined },
  fail: (error: unknown) => expect.fail(String(error)),
} as unknown as ServiceContext

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  stop.abort()
  vi.useRealTimers()
})

test('counts are sent to Postgres once, however long it hangs', async () => {
  const answers: (() => void)[] = []
  const query = vi.fn((_: { values: unknown[] }) => new Promise<void>((done) => answers.push(done)))
  const database = { query, any: async () => [], maybeOneFirst: async () => null } as unknown as Database
  const config = { MAX_SOURCE_BYTES_PER_DAY: 1000, LOOKUP_TIMEOUT_MS: 2000 } as Config
  const take = await limitDailyBytes(config, context, database, () => undefined)
  take(source, 300, 'payload')
  await vi.advanceTimersByTimeAsync(60_000)
  take(source, 100, 'payload')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(query).toHaveBeenCalledOnce()
  answers[0]?.()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(query).toHaveBeenCalledTimes(2)
  const bytes = query.mock.calls.map(([{ values }]) => (values as unknown[][]).at(-1))
  expect(bytes).toEqual([[300], [100]])
})

test('a task of a source that has used up its day can end, and its ends are limited too', async () => {
  const database = {
    query: async () => null,
    any: async () => [],
    maybeOneFirst: async () => null,
  } as unknown as Database
  const config = { MAX_SOURCE_BYTES_PER_DAY: 1000, LOOKUP_TIMEOUT_MS: 2000 } as Config
  const take = await limitDailyBytes(config, context, database, () => undefined)
  take(source, 1000, 'payload')
  expect(() => take(source, 1, 'payload')).toThrow(expect.objectContaining({ status: 429 }))
  take(source, 1000, 'end')
  expect(() => take(source, 1, 'end')).toThrow(expect.objectContaining({ status: 429 }))
})
