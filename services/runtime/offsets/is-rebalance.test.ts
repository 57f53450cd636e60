import { createRequire } from 'node:module'
import type { KafkaJSProtocolError } from 'kafkajs'
import { expect, test } from 'vitest'
import { isRebalance } from './is-rebalance.ts'

const require = createRequire(import.meta.url)
const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
  createErrorFromCode(code: number): KafkaJSProtocolError
}
/** What kafkajs makes of an error for which it tries nothing again. */
const createRetry = require('kafkajs/src/retry/index.js') as () => (work: () => Promise<never>) => Promise<never>
const refuse = (code: number) => createRetry()(() => Promise.reject(createErrorFromCode(code)))

test.each([
  ['an illegal generation', 22, true],
  ['an unknown member', 25, true],
  ['a group that is not authorized', 30, false],
])('%s, as kafkajs rejects with it', async (_, code, expected) => {
  const error: unknown = await refuse(code).catch((reason: unknown) => reason)
  expect(isRebalance(error)).toBe(expected)
})

test('a rebalance under way, as the broker says it, and an error of our own', () => {
  expect(isRebalance(createErrorFromCode(27))).toBe(true)
  expect(isRebalance(new Error('a slip'))).toBe(false)
})
