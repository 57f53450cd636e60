import type { Member } from './audience.ts'
import { channelKinds } from './channels.ts'
import { clean, cut } from './text.ts'

/** A place a message goes to, once, and the people who hear it there. */
export type Addressee = {
  channel: string
  address: string
  /** Empty when the channel needs none. */
  secretId: string
  people: { id: number; name: string }[]
  /** Why nothing can be sent there; null when it can. */
  problem: string | null
}

/** The destinations of `members`, each once however many people share it. Rows that name no usable destination stay, with their problem. */
export function addressAll(members: readonly Member[]): Addressee[] {
  const found = new Map<string, Addressee>()
  for (const member of members) {
    const addressee = addressOf(member)
    const key = JSON.stringify([addressee.channel, addressee.address, addressee.secretId])
    const known = found.get(key) ?? addressee
    found.set(key, known)
    if (!known.people.some(({ id }) => id === member.user_id))
      known.people.push({ id: member.user_id, name: member.user_name })
  }
  // In one order everywhere, so that two transactions that write the same destinations do not deadlock.
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, addressee]) => addressee)
}

/** Rows of channels are not trusted (contract section 17), and a longer name fits into no index. */
const maxSecretName = 200

function addressOf({ channel_type: channel, destination, secret_id }: Member): Addressee {
  const kind = channelKinds[channel]
  const secretId = kind?.hasSecrets ? (secret_id ?? '') : ''
  const base = { channel, secretId, people: [] }
  const shown = cut(clean(destination), 200)
  if (!kind) return { ...base, address: shown, problem: `there is no channel of type ${channel}` }
  if (secretId.length > maxSecretName)
    return { ...base, secretId: '', address: shown, problem: `names a secret of more than ${maxSecretName} characters` }
  try {
    return { ...base, address: kind.parse(destination), problem: null }
  } catch (error) {
    return { ...base, address: shown, problem: `"${shown}" ${(error as Error).message}` }
  }
}
