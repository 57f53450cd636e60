import { v5 as uuidv5 } from 'uuid'
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

// Never changes: events that were reported must be known again.
const namespace = '2f9d3c7e-64a1-4a0f-9a51-0c9d5f0f7b6e'

/** The id of the event of a parking: the same each time it is reported. */
export function idOfParking({ destination_id, channel, resolved, at }: Parking): string {
  return uuidv5(JSON.stringify([destination_id ?? channel, resolved, at]), namespace)
}

/** The operational event. */
export function describeParking(parking: Parking): OpsEvent {
  const { destination_id, channel, address, resolved, reason, at } = parking
  const known = { event_id: idOfParking(parking), service: 'notifier', data_source_id: null, resolved, at }
  const facts = { channel, reason }
  if (destination_id === null || address === null)
    return {
      ...known,
      kind: 'channel-down',
      subject: channel,
      message: resolved
        ? `Messages are going out by ${channel} again.`
        : `No messages are going out by ${channel}: ${excerpt(reason, 300)}. They are retried for ${patienceOf(channel)}: fix the problem before then.`,
      dedupe_key: `notifier/channel-down/${channel}`,
      facts,
    }
  const name = destinationName(channel, address)
  return {
    ...known,
    kind: 'destination-parked',
    subject: name,
    message: resolved
      ? `Messages are sent to ${name} again.`
      : `No more messages are sent to ${name}: ${excerpt(reason, 300)}. ${remedy}`,
    dedupe_key: `notifier/destination-parked/${destination_id}`,
    facts,
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
          `Messages for it are kept for ${patienceOf(channel)}. An administrator can have them sent after fixing the problem.`,
        ],
      },
    ],
    rest: '',
    topic: { kind: 'channel', name: name },
    trace: '',
  }
}

/** By the defaults of GIVE_UP_AFTER_MS and WEBHOOK_GIVE_UP_AFTER_MS. */
const patienceOf = (channel: string) => (channel === 'WEBHOOK' ? 'three days' : 'one day')

/** The name of a destination in messages: of a URL only the host, because its path may be a secret. */
export function destinationName(channel: string, address: string): string {
  const shown = URL.parse(address)?.host || address
  return `${channel} ${excerpt(shown, 100)}`
}
