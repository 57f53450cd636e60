import { cut, excerpt } from '#runtime/text/shorten.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import type { Message } from './message.ts'

/** A destination that was parked, or works again; without one, a kind of channel. */
export type Parking = {
  destination_id: number | null
  channel: string
  address: string | null
  resolved: boolean
  reason: string
  /** ms since 1970 */
  at: number
}

const remedy = '`parma channels ls` shows its id, and `parma channels test <id>` sends again once it is mended.'

/** What operators are told. The id is for the caller to make of it. */
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
      : `Nothing more is sent to ${name}: ${excerpt(reason, 300)}. ${remedy}`,
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
      ? `Messages of the kind ${channel} get out again.`
      : `No message of the kind ${channel} gets out: ${excerpt(reason, 300)}. Mend it within a day, for which they are tried again.`,
    resolved,
    dedupe_key: `notifier/channel-down/${channel}`,
    at,
    facts: { channel, reason },
  }
}

/** What those who hear at a parked destination are told elsewhere. */
export function composeParked({ channel, address, reason }: Parking): Message {
  const name = destinationName(channel, address ?? '')
  return {
    subject: cut(`No more messages to ${name}`, 140),
    context: 'parma-analytics',
    lines: [
      {
        mark: 'warning',
        title: cut(`Nothing more is sent to ${name}`, 160),
        details: [
          excerpt(reason, 600),
          'Messages for it are kept for a day. An administrator can send them once it is mended.',
        ],
      },
    ],
    rest: '',
    topic: { kind: 'channel', name: name },
    trace: '',
  }
}

/** A destination for people. The path of a URL may be a secret. */
export function destinationName(channel: string, address: string): string {
  const shown = URL.parse(address)?.host || address
  return `${channel} ${excerpt(shown, 100)}`
}
