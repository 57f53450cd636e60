import { describe, expect, test } from 'vitest'
import { composeParked, describeParking, destinationName, type Parking } from './compose-parked.ts'
import { explainWhy } from './compose.ts'

const parked: Parking = {
  ...{ destination_id: 7, channel: 'SLACK', address: 'alerts', resolved: false, at: 0 },
  reason: `is_archived\n${'x'.repeat(1000)}`,
}

test('the event says what to do; its end belongs to the same incident', () => {
  const begin = describeParking(parked)
  expect(begin).toMatchObject({ kind: 'destination-parked', subject: 'SLACK alerts', resolved: false })
  expect(begin.message).toMatch(
    /^No more messages are sent to SLACK alerts: is_archived x+…\. .*`parma channels test <id>`/,
  )
  const end = describeParking({ ...parked, resolved: true })
  expect(end).toMatchObject({ resolved: true, message: 'Messages are sent to SLACK alerts again.' })
  expect(end.dedupe_key).toBe(begin.dedupe_key)
})

test('a channel outage is an incident of its own', () => {
  const down = describeParking({ ...parked, destination_id: null, address: null, channel: 'EMAIL', reason: 'bad key' })
  expect(down).toMatchObject({ kind: 'channel-down', subject: 'EMAIL', dedupe_key: 'notifier/channel-down/EMAIL' })
  expect(down.message).toContain('No messages are going out by EMAIL: bad key.')
})

describe('its recipients', () => {
  test('learn what is wrong and why they get the message', () => {
    const message = composeParked(parked)
    expect(message.subject).toBe('No more messages to SLACK alerts')
    expect(message.lines[0]?.details[0]?.length).toBeLessThanOrEqual(600)
    expect(explainWhy(message, [{ name: 'Ann' }])).toBe('You get this because messages for Ann go to SLACK alerts.')
  })
})

test.each([
  ['WEBHOOK', 'https://example.com/secret-path?token=x', 'WEBHOOK example.com'],
  ['EMAIL', 'ann@example.com', 'EMAIL ann@example.com'],
  ['SLACK', 'C0123456789', 'SLACK C0123456789'],
])('%s %s is called %s', (channel, address, expected) => {
  expect(destinationName(channel, address)).toBe(expected)
})
