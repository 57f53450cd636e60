import { v5 as uuidv5 } from 'uuid'
import { isTooLarge } from '#runtime/calls/retry.ts'
import { output, type Publish } from '#runtime/kafka/output.ts'
import type { Told } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import type { Message } from '../message/message.ts'

/** What a message tells: news items or events of operations with their companies; and the digest that it is of. */
export type Tells = {
  items: readonly (readonly [itemId: string, companyId: number])[]
  digest?: NonNullable<NonNullable<Told['content']>['digest']>
}

/** A delivery that is claimed. */
type Noted = {
  delivery_id: number
  notification_id: string
  kind: string
  address: string
  secret_id: string
  claim: number
  company_id: number | null
  data_source_id: number | null
  series_id: string | null
  follows: { delivery_id: number } | null
  people: readonly { id: number }[]
  tells: Tells | null
  message: Message
}

/** Notes in Kafka what is told, so that nobody is told it again after Postgres was restored to an earlier time. */
export type NoteTold = {
  /** Resolves when Kafka has it that the call is about to be made. */
  sending(delivery: Noted): Promise<void>
  /** Resolves when Kafka has what came of it. */
  outcome(delivery: Noted, outcome: { state: string; reference: string | null }): Promise<void>
}

/** For the deliveries of a kind of channel. */
export function createNoteTold(publish: Publish, channel: string): NoteTold {
  const note = ({ delivery_id, notification_id, address, secret_id, claim }: Noted, rest: Rest) => {
    const event_id = uuidv5([delivery_id, claim, rest.state].join('/'), notification_id)
    const about = { event_id, delivery_id, notification_id, channel, address, secret_id, claim, at: Date.now() }
    return publish([output(topics.told, `${notification_id}/${delivery_id}`, event_id, { ...about, ...rest })])
  }
  return {
    async sending(delivery) {
      const rest = { state: 'sending', reference: null }
      await note(delivery, { ...rest, content: contentOf(delivery, delivery.message) }).catch((error: unknown) => {
        if (!isTooLarge(error)) throw error
        const { digest: _, ...message } = delivery.message
        return note(delivery, { ...rest, content: contentOf(delivery, { ...message, lines: [] }) })
      })
    },
    outcome: (delivery, { state, reference }) => note(delivery, { state, reference, content: null }),
  }
}

type Rest = Pick<Told, 'state' | 'reference' | 'content'>

function contentOf({ tells, people, follows, ...delivery }: Noted, message: Message): Told['content'] {
  const { kind, company_id, data_source_id, series_id } = delivery
  return {
    ...{ kind, company_id, data_source_id, series_id, message: JSON.stringify(message) },
    follows: follows?.delivery_id ?? null,
    people: people.map(({ id }) => id),
    items: (tells?.items ?? []).map(([item_id, company_id]) => ({ item_id, company_id })),
    digest: tells?.digest ?? null,
  }
}
