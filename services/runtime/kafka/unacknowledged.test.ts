import type { PartitionMetadata } from 'kafkajs'
import { expect, test } from 'vitest'
import { createAnswerCheck } from './unacknowledged.ts'
import { classify } from '../calls/retry.ts'

const partitions = (...leaders: number[]): PartitionMetadata[] =>
  leaders.map((leader, partitionId) => ({
    ...{ partitionErrorCode: 0, partitionId, leader, replicas: [leader], isr: [leader], offlineReplicas: [] },
  }))
const answer = (partition: number) => ({ topicName: 't', partition, errorCode: 0 })
const messages = Array.from({ length: 20 }, (_, at) => ({ key: at % 2 ? `k${at}` : null, value: 'v' }))

test('a record keeps its partition through the retries of one send, whatever the cluster looks like by then', () => {
  const check = createAnswerCheck()
  check.start()
  const place = (partitionMetadata: PartitionMetadata[]) =>
    messages.map((message) => check.partition({ topic: 't', partitionMetadata, message }))
  const first = place(partitions(1, 2, 3))
  expect(new Set(first).size).toBe(3)
  expect(place(partitions(1, 1, 1, 2, 3))).toEqual(first)
  check.start()
  const more = partitions(1, 1, 1, 2, 3)
  expect(Math.max(...Array.from({ length: 5 }, () => (check.start(), place(more))).flat())).toBeGreaterThan(2)
})

test('a partition without an answer is a transient error that names it, and is forgotten with the next send', () => {
  const check = createAnswerCheck()
  const partitionMetadata = partitions(1, 2)
  check.start()
  const used = messages.map((message) => check.partition({ topic: 't', partitionMetadata, message }))
  expect([...new Set(used)].sort()).toEqual([0, 1])
  expect(() => check.end([answer(0), answer(1)])).not.toThrow()
  let error: unknown
  try {
    check.end([answer(0)])
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ message: 'no broker has answered for t/1' })
  expect(classify(error)).toBe('transient')
  check.start()
  expect(() => check.end([])).not.toThrow()
})
