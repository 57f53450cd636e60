import type { Log } from '#runtime/process/log.ts'
import type { Message } from '../message/message.ts'
import type { Answer } from './answer.ts'
import type { FindSecret } from '../secrets/secrets.ts'
import type { ChannelSettings } from './settings.ts'

/** The kinds of messages, as in `notifier.notification.kind`. */
export const messageKinds = ['news', 'ops', 'digest', 'test', 'sign_in'] as const
export type MessageKind = (typeof messageKinds)[number]

/** A message that was sent to the same destination, and what the channel calls it. */
export type EarlierMessage = { deliveryId: number; notificationId: string; reference: string }

/** One message to one destination. */
export type Delivery = {
  deliveryId: number
  notificationId: string
  kind: MessageKind
  /** In the form that `parse` returns. */
  address: string
  /** Name of the secret that the channel gives; null: none. */
  secretId: string | null
  message: Message
  why: string
  /** The only person who gets it there: of what several share, nobody may act for the others. */
  actor: number | null
  /** The earlier message there that this one belongs to, which was sent; null: there is none. */
  follows: EarlierMessage | null
  /** Until when its links are good, ms since 1970. */
  linksUntil: number
  /** When the delivery was written, ms since 1970 by the database's clock. */
  createdAt: number
  /** When this attempt was claimed, by the same clock. The clock of our own process may be wrong. */
  claimedAt: number
}

export type Channel = {
  /** Makes one attempt, without retries, within SEND_TIMEOUT_MS. */
  send(delivery: Delivery): Promise<Answer>
  /**
   * Looks for a message whose answer was lost: `sent` if it exists, `retry` if it does not, `lost` if that is still
   * unclear.
   */
  find?(delivery: Delivery): Promise<Answer>
  /**
   * Gives the message that `delivery` follows its content instead, which may be done again and is never `lost`. `retry`
   * with `isAlone`: that message cannot be edited any more.
   */
  edit?(delivery: Delivery & { follows: EarlierMessage }): Promise<Answer>
}

export type ChannelTools = { config: ChannelSettings; log: Log; findSecret: FindSecret }

/** A kind of channel. A new kind is one file that exports this, and one line in kinds.ts. */
export type ChannelKind = {
  /**
   * The canonical form of a destination. Throws an Error that says what is wrong with it, as words that follow the
   * destination.
   */
  parse(destination: string): string
  /** Whether the same address with another secret is another destination. */
  hasSecrets: boolean
  /** Whether a destination without a secret is unusable. */
  needsSecret?: true
  /** What people enter as the destination, and what the secret holds. */
  help: { destination: string; secret?: string }
  /** Whether a message may be edited after it was sent. */
  canEdit?: true
  /** Longest digest in characters; a longer one is sent in parts. Unset: no limit. */
  maxDigestChars?: number
  /** Whether it shows a digest by its view only, so that the lines need not be read. */
  showsDigestView?(config: ChannelSettings): boolean
  /** Shortest time between two messages to one destination, ms. */
  intervalMs(config: ChannelSettings): number
  /** Whether a message that cannot be looked for is sent again when it is unclear whether it was sent. */
  resendsUnknown(config: ChannelSettings): boolean
  /** How long a message is retried, ms. Unset: GIVE_UP_AFTER_MS. */
  giveUpAfterMs?(config: ChannelSettings): number
  open(tools: ChannelTools): Channel
}
