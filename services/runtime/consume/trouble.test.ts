import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TransientError } from '../calls/retry.ts'
import { unknownNote } from '../recovery/offset-note.ts'
import type { Place } from '../recovery/place.ts'
import { Trouble } from './trouble.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const minute = 60_000
const withCode = (code: string | number) => Object.assign(new Error('it'), { code })

function open() {
  const place: Place = { topic: 't', partition: 3, offset: 7, note: unknownNote }
  const state = { away: [] as string[], passedAt: -Infinity }
  const report = vi.fn()
  const trouble = new Trouble({
    place,
    keep: async (note) => void (place.note = note),
    report,
    health: { away: async () => state.away },
    passedAt: () => state.passedAt,
  })
  return { place, state, report, trouble }
}

test.each([
  ['a statement that takes too long', withCode('57014')],
  ['an internal error', withCode('XX000')],
  ['a statement that needs too much memory', withCode('53200')],
  ['a document that takes too long', withCode(4)],
])('%s is the fault of the record if it fails ten times alone while others pass', async (_, error) => {
  const { state, trouble } = open()
  trouble.failed(error)
  expect(await trouble.judge(11)).toBeUndefined()
  state.passedAt = performance.now()
  expect(await trouble.judge(10)).toBeUndefined()
  expect(await trouble.judge(11)).toMatchObject({ kind: 'dead', message: 'failed 10 times alone: it' })
})

test.each([
  ['a full disk', withCode('53100')],
  ['too many connections', withCode('53300')],
  ['a deadlock', withCode('40P01')],
  ['a lock that another holds', withCode('55P03')],
  ['a lost connection', withCode('ECONNRESET')],
  ['Firestore being away', withCode(14)],
  ['our own word', new TransientError('later')],
])('%s is never the fault of a record', async (_, error) => {
  const { state, trouble } = open()
  trouble.failed(error)
  state.passedAt = performance.now()
  await vi.advanceTimersByTimeAsync(60 * minute)
  expect(await trouble.judge(1000)).toBeUndefined()
})

test('no record is blamed while a server is away; without others to compare with, after 15 minutes', async () => {
  const { state, trouble } = open()
  trouble.failed(withCode('XX000'))
  state.away = ['postgres']
  await vi.advanceTimersByTimeAsync(15 * minute)
  expect(await trouble.judge(200)).toBeUndefined()
  state.away = []
  expect(await trouble.judge(200)).toMatchObject({ kind: 'dead', reason: 'refused-by-database' })
})

test('what has failed for 15 minutes is reported once, with partition, offset and error, and so is its end', async () => {
  const { place, report, trouble } = open()
  trouble.failed(withCode('53100'))
  await vi.advanceTimersByTimeAsync(15 * minute)
  trouble.failed(withCode('53100'))
  expect(report).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1000)
  trouble.failed(withCode('53100'))
  await vi.advanceTimersByTimeAsync(1000)
  trouble.failed(withCode('53100'))
  expect(report).toHaveBeenCalledOnce()
  expect(report.mock.lastCall).toMatchObject([
    {
      kind: 'partition-stuck',
      topic: 't',
      partition: 3,
      offset: '7',
      message: expect.stringContaining(': it.') as string,
    },
    false,
  ])
  trouble.passed(place.note.incident, true)
  expect(report).toHaveBeenCalledTimes(2)
  expect(report.mock.lastCall).toMatchObject([{ kind: 'partition-stuck', partition: 3 }, true])
})
