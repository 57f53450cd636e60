import { cut, excerpt } from '#runtime/text/shorten.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import type { Message } from './message.ts'

/** A destination that was parked or unparked. Without a destination: a channel outage that began or ended. */
export type Parking = {
  destination_id: number | null
  channel: string
  address: string | null
  resolved: boolean
  reason: string
  /** ms since 1970 */
  at: number
}

const remedy =
  'Fix the problem, then run `parma channels test <id>`: a test message that arrives unparks it. `parma channels ls` shows the id.'

/** The operational event, without its id. */
export function describeParking({
  destination_id,
  channel,
  address,
  resolved,
  reason,
  at,
}: Parking): Omit<OpsEvent, 'event_id'> {
  if (destination_id === null || address === null) return describeOutage({ channel, resolved, reason, at })
  const name = destinationName(channel, address)
  return {
    kind: 'destination-parked',
    service: 'notifier',
    data_source_id: null,
    subject: name,
    message: resolved
      ? `Messages are sent to ${name} again.`
      : `No more messages are sent to ${name}: ${excerpt(reason, 300)}. ${remedy}`,
    resolved,
    dedupe_key: `notifier/destination-parked/${destination_id}`,
    at,
    facts: { channel, reason },
  }
}

function describeOutage({
  channel,
  resolved,
  reason,
  at,
}: Pick<Parking, 'channel' | 'resolved' | 'reason' | 'at'>): Omit<OpsEvent, 'event_id'> {
  return {
    kind: 'channel-down',
    service: 'notifier',
    data_source_id: null,
    subject: channel,
    message: resolved
      ? `Messages are going out by ${channel} again.`
      : `No messages are going out by ${channel}: ${excerpt(reason, 300)}. They are retried for one day: fix the problem before then.`,
    resolved,
    dedupe_key: `notifier/channel-down/${channel}`,
    at,
    facts: { channel, reason },
  }
}

/** The message to the recipients of a parked destination, for their other destinations. */
export function composeParked({ channel, address, reason }: Parking): Message {
  const name = destinationName(channel, address ?? '')
  return {
    subject: cut(`No more messages to ${name}`, 140),
    context: 'parma-analytics',
    lines: [
      {
        mark: 'warning',
        title: cut(`No more messages are sent to ${name}`, 160),
        details: [
          excerpt(reason, 600),
          'Messages for it are kept for one day. An administrator can have them sent after fixing the problem.',
        ],
      },
    ],
    rest: '',
    topic: { kind: 'channel', name: name },
    trace: '',
  }
}

/** The name of a destination in messages: of a URL only the host, because its path may be a secret. */
export function destinationName(channel: string, address: string): string {
  const shown = URL.parse(address)?.host || address
  return `${channel} ${excerpt(shown, 100)}`
}
