import { expect, test } from 'vitest'
import { contextOf, nextSpan, traceIdOf, writeTraceparent } from './traceparent.ts'

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('stays in the trace of its parent, with a span of its own', () => {
  const child = nextSpan(parent)
  expect(child).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/)
  expect(child).not.toBe(parent)
  expect(traceIdOf(child)).toBe('4bf92f3577b34da6a3ce929d0e0e4736')
})

test.each([
  undefined,
  '',
  'nonsense',
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  parent.toUpperCase(),
  `${parent}\r\nx: y`,
])('begins a new trace for %j', (malformed) => {
  expect(nextSpan(malformed)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(nextSpan(malformed)).not.toBe(nextSpan(malformed))
  expect(traceIdOf(malformed)).toBeNull()
})

test('is the same as a context of OpenTelemetry', () => {
  const context = contextOf(parent)
  expect(context).toEqual({
    ...{ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1, isRemote: true },
  })
  expect(context && writeTraceparent(context)).toBe(parent)
  expect(contextOf('nonsense')).toBeNull()
  expect(contextOf(undefined)).toBeNull()
})
