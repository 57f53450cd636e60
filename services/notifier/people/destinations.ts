import { cut, excerpt } from '#runtime/text/shorten.ts'
import { channelKinds } from '../channels/kinds.ts'
import type { RecipientChannel } from './recipients.ts'

/** Where messages go: one mailbox, Slack channel or URL. */
export type Destination = {
  channel: string
  address: string
  /** Empty when the channel needs none. */
  secretId: string
  /** Why nothing can be sent there; null: it can. */
  problem: string | null
}
/** A person who gets a message, and what they follow that covers it, as in "warnings about acme". */
export type Recipient = { id: number; name: string; through: string[] }
/** A destination with everybody who gets messages there. */
export type SharedDestination = Destination & { recipients: Recipient[] }

/**
 * The destinations of `channels`, each once, however many people share it. Unusable ones are kept, with their problem.
 */
export function groupByDestination(channels: readonly RecipientChannel[]): SharedDestination[] {
  const shared = Map.groupBy(channels, (channel) => destinationKey(destinationOf(channel)))
  return [...shared.values()].map((some) => ({
    ...destinationOf(some[0] as RecipientChannel),
    recipients: mergeRecipients(some.map(asRecipient)),
  }))
}

/** The same text for the same destination. */
export const destinationKey = ({ channel, address, secretId }: Omit<Destination, 'problem'>) =>
  JSON.stringify([channel, address, secretId])

/** The person of a channel. */
export function asRecipient({ user_id, user_name, through }: RecipientChannel): Recipient {
  return {
    id: user_id,
    name: excerpt(user_name, maxName),
    through: through === null ? [] : [excerpt(through, maxName)],
  }
}

/** Each person once, with everything they follow. */
export function mergeRecipients(recipients: readonly Recipient[]): Recipient[] {
  const joined = new Map<number, Recipient>()
  for (const recipient of recipients) {
    const through = [...(joined.get(recipient.id)?.through ?? []), ...recipient.through]
    joined.set(recipient.id, { ...recipient, through: [...new Set(through)] })
  }
  return [...joined.values()]
}

const maxName = 80
/** Rows of channels are not trusted (contract section 17), and a longer name fits into no index. */
const maxSecretName = 200
const maxShown = 200

/** The destination of a channel. The address of an unusable one is quoted, which no usable address is. */
export function destinationOf({ channel_type: channel, destination, secret_id }: RecipientChannel): Destination {
  const kind = channelKinds[channel]
  const secretId = kind?.hasSecrets ? (secret_id ?? '') : ''
  const shown = JSON.stringify(excerpt(destination, maxShown))
  const unusable = (problem: string): Destination => ({
    channel,
    address: shown,
    secretId: cut(secretId, maxSecretName),
    problem,
  })
  if (!kind) return unusable(`there is no channel type ${channel}`)
  if (secretId.length > maxSecretName)
    return unusable(`the name of its secret is longer than ${maxSecretName} characters`)
  try {
    return { channel, address: kind.parse(destination), secretId, problem: null }
  } catch (error) {
    return unusable(`"${excerpt(destination, maxShown)}" ${(error as Error).message}`)
  }
}
