import { expect, test } from 'vitest'
import type { Transaction } from '#runtime/postgres/database.ts'
import type { SeriesState } from '../values/series-state.ts'
import { writeStates } from './series-states.ts'

test('a state that was withheld before an upgrade is written without what only the version before could read', async () => {
  const queries: unknown[][] = []
  const query = (one: { values: unknown[] }) => Promise.resolve(void queries.push(one.values))
  const old = { version: 1, seen: 5, times: [1], values: [2] } as unknown as NonNullable<SeriesState['signal']>
  const state: SeriesState = {
    eventNo: 1,
    observedAt: 1,
    last: { kind: 'number', number: 2 },
    recent: [2],
    signal: old,
  }
  const series = [{ key: 'a', company_measurement_id: 1, subject_key: '', item_key: null }]
  await writeStates({ query } as unknown as Transaction, series, new Map([['a', state]]))
  expect(queries).toHaveLength(1)
  expect(queries[0]).toContainEqual(Buffer.alloc(0))
})
