import type { Log } from '#runtime/process/log.ts'
import type { Message } from '../message/message.ts'
import type { Answer } from './answer.ts'
import type { FindSecret } from './secrets.ts'
import type { ChannelSettings } from './settings.ts'

/** What a message is about; `notifier.notification.kind`. */
export const messageKinds = ['news', 'ops', 'digest', 'test'] as const
export type MessageKind = (typeof messageKinds)[number]

/** One message for one destination. */
export type Delivery = {
  deliveryId: number
  notificationId: string
  kind: MessageKind
  /** In the form `parse` returned. */
  address: string
  /** Name of the secret the destination needs; null when it names none. */
  secretId: string | null
  message: Message
  why: string
  /** When it was first to be sent, ms since 1970 by the database's clock. */
  createdAt: number
  /** When this attempt was claimed, by the same clock: that of our own process may be anything. */
  claimedAt: number
}

export type Channel = {
  /** One attempt, never repeated inside, over within SEND_TIMEOUT_MS. */
  send(delivery: Delivery): Promise<Answer>
  /** Looks for a message whose answer was lost: `sent`, `retry` when it is not there, `lost` when that cannot be told yet. */
  find?(delivery: Delivery): Promise<Answer>
}

export type ChannelTools = { config: ChannelSettings; log: Log; findSecret: FindSecret }

/** A kind of channel. A new one is one file like this and one line in kinds.ts. */
export type ChannelKind = {
  /** The one form of a destination under which messages to it are one. Throws an Error that says what is wrong with it. */
  parse(destination: string): string
  /** Whether the same address under another secret is another destination. */
  hasSecrets: boolean
  /** A destination without one cannot be used. */
  needsSecret?: true
  /** What people give to name a destination, and what the secret is. */
  help: { destination: string; secret?: string }
  /** The longest digest that is one message there, in characters; a longer one comes in parts. Unset: any. */
  maxDigestChars?: number
  /** Least time between two messages to one destination, ms. */
  intervalMs(config: ChannelSettings): number
  /** Whether a message that cannot be looked for is sent again when nobody knows whether it went out. */
  resendsUnknown(config: ChannelSettings): boolean
  open(tools: ChannelTools): Channel
}
