import { KafkaJSNonRetriableError, KafkaJSProtocolError } from 'kafkajs'
import { expect, test } from 'vitest'
import { backOffMs, classify, hasCode, retryTransient, TooLargeError, TransientError } from './retry.ts'

const withType = (type: string, code: number) =>
  new KafkaJSProtocolError(Object.assign(new Error('it'), { type, code, retriable: false }))
const tooLarge = withType('MESSAGE_TOO_LARGE', 10)
const withCode = (code: string | number) => Object.assign(new Error('it'), { code })

test.each([
  ['a refused connection', withCode('ECONNREFUSED'), 'transient'],
  [
    'fetch, which hides the code in its cause',
    new TypeError('fetch failed', { cause: withCode('ECONNRESET') }),
    'transient',
  ],
  [
    'all addresses of a name refused',
    new AggregateError([withCode('ECONNREFUSED'), withCode('EHOSTUNREACH')]),
    'transient',
  ],
  ['a deadlock', withCode('40P01'), 'transient'],
  ['a serialization failure', withCode('40001'), 'transient'],
  ['a database that shuts down', withCode('57P01'), 'transient'],
  ['too many connections', withCode('53300'), 'transient'],
  ['a lock that was not had in time', withCode('55P03'), 'transient'],
  ['a transaction that was ended for being idle', withCode('25P03'), 'transient'],
  ['a transaction that was ended for its length', withCode('25P04'), 'transient'],
  ['a statement that was ended for its length', withCode('57014'), 'transient'],
  ['a value out of range', withCode('22003'), 'poison'],
  ['a foreign key', withCode('23503'), 'poison'],
  ['Firestore being away', withCode(14), 'transient'],
  ['a document that exists', withCode(6), 'unknown'],
  ['a table that is missing', withCode('42P01'), 'unknown'],
  [
    'kafkajs giving up for now',
    Object.assign(new Error('it'), { name: 'KafkaJSNumberOfRetriesExceeded' }),
    'transient',
  ],
  ['a broker that took the connection and said nothing', new Error('Broker not connected'), 'transient'],
  [
    'a consumer that begins anew',
    new KafkaJSNonRetriableError('Consumer group was not initialized, consumer#run must be called first'),
    'transient',
  ],
  ['a broker error that may pass', Object.assign(new Error('it'), { retriable: true }), 'transient'],
  ['a broker error with the number of a gRPC code that passes', withType('INVALID_FETCH_SIZE', 4), 'unknown'],
  ['a record that the broker finds too large', tooLarge, 'poison'],
  [
    'the same within what kafkajs makes of it',
    Object.assign(new KafkaJSNonRetriableError('it'), { cause: tooLarge }),
    'poison',
  ],
  ['records that are too large together', withType('RECORD_LIST_TOO_LARGE', 18), 'poison'],
  ['a record that we find too large', new TooLargeError('9 bytes'), 'poison'],
  ['our own word', new TransientError('later'), 'transient'],
  ['a slip in the code', new TypeError('x is not a function'), 'unknown'],
  ['something that is no error', 'text', 'unknown'],
])('%s', (_, error, expected) => {
  expect(classify(error)).toBe(expected)
})

test('a chain of causes that bites its tail ends', () => {
  const error = new Error('a')
  error.cause = error
  expect(classify(error)).toBe('unknown')
})

test('a code is found in an error and in its causes', () => {
  const wrapped = new Error('query failed', { cause: new Error('again', { cause: withCode('23503') }) })
  expect(hasCode(wrapped, '23505', '23503')).toBe(true)
  expect(hasCode(wrapped, '23505')).toBe(false)
  expect(hasCode(withCode(6), 3, 6)).toBe(true)
  expect(hasCode(withCode(6), '6')).toBe(false)
  expect(hasCode(new Error('none'))).toBe(false)
  expect(hasCode('text', '23503')).toBe(false)

  const circle = new Error('a')
  circle.cause = circle
  expect(hasCode(circle, '23503')).toBe(false)
})

test.each([
  [1, 200],
  [2, 400],
  [3, 800],
  [5, 3200],
  [6, 5000],
  [2000, 5000],
])('back-off after %i failures is at most %i ms, and at least half of it', (failures, ms) => {
  const limits = { firstMs: 200, maxMs: 5000 }
  expect(backOffMs(limits, failures, 1)).toBe(ms)
  expect(backOffMs(limits, failures, 0)).toBe(ms / 2)
  expect(backOffMs(limits, failures, 0.5)).toBe(ms * 0.75)
})

test('repeats transient errors only, and stops repeating when told', async () => {
  const stop = new AbortController()
  let calls = 0
  const work = async () => {
    calls++
    if (calls < 3) throw new TransientError('not yet')
    return 'done'
  }
  await expect(retryTransient(work, { signal: stop.signal })).resolves.toBe('done')
  expect(calls).toBe(3)

  await expect(retryTransient(() => Promise.reject(new TypeError('slip')), { signal: stop.signal })).rejects.toThrow(
    'slip',
  )

  const forever = retryTransient(() => Promise.reject(new TransientError('never')), {
    signal: stop.signal,
    onRetry: () => stop.abort(),
  })
  await expect(forever).rejects.toThrow('never')
})
