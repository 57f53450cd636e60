import { expect, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { readConfig } from '../config.ts'
import type { Delivery } from './channel.ts'
import { openSlackPictures } from './slack-pictures.ts'
import { judgeSlackWebhookAnswer, openSlackWebhooks } from './slack-webhook.ts'

test.each([
  'https://hooks.slack.com.evil.example/services/x',
  'https://hooks.slack.com@evil.example/services/x',
  'http://hooks.slack.com/services/x',
  'https://evil.example/?https://hooks.slack.com/',
  'https://',
])('%j is not Slack’s', async (address) => {
  const servers = { KAFKA_BROKERS: 'b:1', SCHEMA_REGISTRY_URL: 'http://r', DATABASE_URL: 'postgres://d' }
  const config = readConfig({ ...servers, SLACK_WEBHOOK_URL: 'https://hooks.slack.com' })
  const pictures = openSlackPictures({ config, log: createLog('notifier', 'fatal') })
  expect(await openSlackWebhooks({ config }, pictures)(address, {} as Delivery)).toEqual({
    ...{ kind: 'refused', concerns: 'destination', reason: 'the secret holds an address that is not Slack’s' },
  })
})

test.each<[number, string, Record<string, string>, object]>([
  [200, 'ok', {}, { kind: 'sent' }],
  [200, '<html>Sign in to the hotel’s network</html>', {}, { kind: 'lost' }],
  [429, 'rate_limited', { 'retry-after': '3' }, { kind: 'retry', afterMs: 3000 }],
  [400, 'invalid_payload', {}, { kind: 'refused', concerns: 'message' }],
  [400, 'no_text', {}, { kind: 'refused', concerns: 'message' }],
  [403, 'action_prohibited', {}, { kind: 'refused', concerns: 'destination' }],
  [404, 'no_service', {}, { kind: 'refused', concerns: 'destination' }],
  [404, 'channel_not_found', {}, { kind: 'refused', concerns: 'destination' }],
  [410, 'channel_is_archived', {}, { kind: 'refused', concerns: 'destination' }],
  [500, 'rollup_error', {}, { kind: 'lost' }],
])('%s %s', (status, body, headers, expected) => {
  expect(judgeSlackWebhookAnswer({ status, headers, body: Buffer.from(body) }, 0)).toMatchObject(expected)
})
