import { expect, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { openFailures } from './failures.ts'

test('so many failures per hour are noted, the last of them says that there are more', () => {
  const noted: unknown[] = []
  const database = {
    query: async (query: { values: readonly unknown[] }) => void noted.push(query.values),
  } as unknown as Parameters<typeof openFailures>[0]
  let now = 0
  const note = openFailures(database, createLog('edge', 'fatal'), 3, () => now)
  for (let count = 0; count < 50; count++) note({ reason: 'link used', address: '192.0.2.1' })
  expect(noted).toHaveLength(3)
  expect(JSON.stringify(noted.slice(0, 2))).not.toContain('further')
  expect(JSON.stringify(noted[2])).toContain('further')
  now += 3_600_000
  note({ reason: 'link used', address: '192.0.2.1', userId: 17 })
  expect(noted).toHaveLength(4)
  expect(JSON.stringify(noted[3])).toContain('person:17')
})

test('a database that does not answer costs nobody anything', async () => {
  const database = { query: () => Promise.reject(new Error('gone')) }
  const note = openFailures(database as unknown as Parameters<typeof openFailures>[0], createLog('edge', 'fatal'), 3)
  expect(note({ reason: 'link used', address: '192.0.2.1' })).toBeUndefined()
})
