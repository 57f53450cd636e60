import { expect, test } from 'vitest'
import { findPackages } from './discover.ts'

const packages = [
  'express',
  '@types/express',
  'kafkajs',
  '@kafkajs/confluent-schema-registry',
  'node',
  'testcontainers',
  '@testcontainers/kafka',
]

test.each([
  ['Express', ['express']],
  ['Express.js', ['express']],
  ['KafkaJS', ['@kafkajs/confluent-schema-registry', 'kafkajs']],
  ['Node.js', ['node']],
  ['Testcontainers', ['@testcontainers/kafka', 'testcontainers']],
  ['Somebody Else', []],
  ['js', []],
  ['', []],
  ['  …', []],
])('%s has %j', (company, found) => {
  expect(findPackages(company, packages)).toEqual(found)
})
