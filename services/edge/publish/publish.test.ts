import { KafkaJSNonRetriableError, KafkaJSProtocolError } from 'kafkajs'
import { expect, test } from 'vitest'
import { TooLargeError, TransientError } from '#runtime/calls/retry.ts'
import { createLog } from '#runtime/process/log.ts'
import { topics } from '#schemas/topics.ts'
import { createPublishers } from './publish.ts'

const refused = new KafkaJSProtocolError(
  Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE', code: 10, retriable: false }),
)
const finished = {
  ...{ event_id: 'e', data_source_id: 1, task_id: 1, result_summary: '{}', errors: {}, received_at: 1 },
}

test.each([
  ['larger than its topic takes, as we know', new TooLargeError('9 bytes'), 413],
  ['larger than the broker takes', refused, 413],
  ['too large, within an error of the client', new Error('not sent', { cause: refused }), 413],
  ['one of a list that is too large', Object.assign(new Error('no'), { type: 'RECORD_LIST_TOO_LARGE' }), 413],
  ['too large, as kafkajs wraps it', Object.assign(new KafkaJSNonRetriableError('no'), { cause: refused }), 413],
  ['taken by no broker', new TransientError('away'), 503],
])('a record that is %s is answered with its status', async (_, error, status) => {
  const send = () => Promise.reject(error)
  const { hold, publish } = createPublishers({ FEED_DEADLINE_MS: 1000 }, createLog('edge', 'silent'), {
    ...{ send, sendNow: send },
  })
  for (const publishOne of [hold, publish])
    await expect(publishOne(topics.crawlFinished, '1', finished, { traceparent: undefined })).rejects.toMatchObject({
      status,
    })
})
