import type { Member } from './recipients.ts'
import { channelKinds } from '../channels/kinds.ts'
import { clean, cut } from '../message/text.ts'

/** A place a message goes to. */
export type Place = {
  channel: string
  address: string
  /** Empty when the channel needs none. */
  secretId: string
  /** Why nothing can be sent there; null when it can. */
  problem: string | null
}
/** Who hears something, and what they follow that makes them hear it. */
export type Person = { id: number; name: string; through: string[] }
/** A place, once, and the people who hear it there. */
export type Addressee = Place & { people: Person[] }

/** The destinations of `members`, each once however many people share it. Rows that name no usable destination stay, with their problem. */
export function addressAll(members: readonly Member[]): Addressee[] {
  const shared = Map.groupBy(members, (member) => keyOf(addressOf(member)))
  return [...shared.values()].map((some) => ({
    ...addressOf(some[0] as Member),
    people: joinPeople(some.map(asPerson)),
  }))
}

/** What makes two places one. */
export const keyOf = ({ channel, address, secretId }: Place) => JSON.stringify([channel, address, secretId])

export function asPerson({ user_id, user_name, through }: Member): Person {
  return {
    id: user_id,
    name: cut(clean(user_name), maxName),
    through: through === null ? [] : [cut(clean(through), maxName)],
  }
}

/** Each person once, with all they follow. */
export function joinPeople(people: readonly Person[]): Person[] {
  const joined = new Map<number, Person>()
  for (const person of people) {
    const through = [...(joined.get(person.id)?.through ?? []), ...person.through]
    joined.set(person.id, { ...person, through: [...new Set(through)] })
  }
  return [...joined.values()]
}

const maxName = 80
/** Rows of channels are not trusted (contract section 17), and a longer name fits into no index. */
const maxSecretName = 200
const maxShown = 200

/** Where a member hears. What cannot be used stands there quoted, as no usable address is. */
export function addressOf({ channel_type: channel, destination, secret_id }: Member): Place {
  const kind = channelKinds[channel]
  const secretId = kind?.hasSecrets ? (secret_id ?? '') : ''
  const shown = JSON.stringify(cut(clean(destination), maxShown))
  const unusable = (problem: string): Place => ({
    channel,
    address: shown,
    secretId: cut(secretId, maxSecretName),
    problem,
  })
  if (!kind) return unusable(`there is no channel of type ${channel}`)
  if (secretId.length > maxSecretName) return unusable(`names a secret of more than ${maxSecretName} characters`)
  try {
    return { channel, address: kind.parse(destination), secretId, problem: null }
  } catch (error) {
    return unusable(`"${cut(clean(destination), maxShown)}" ${(error as Error).message}`)
  }
}
