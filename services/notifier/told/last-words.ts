import type { Told, ToldContent } from '#schemas/generated/types.ts'

/** What came of a message at a destination, as far as the topic knows. */
export type LastWord = Omit<Told, 'event_id' | 'content'> & { content: ToldContent }

/**
 * Collects the last word of each delivery. A call of which nothing came is `unknown`: the message may have arrived. Of a
 * delivery whose content is not among the records nothing is said.
 */
export function collectLastWords(): { add(record: Told): void; words(): LastWord[] } {
  const last = new Map<string, Omit<Told, 'content'>>()
  const contents = new Map<string, ToldContent>()
  return {
    add({ content, ...record }) {
      const key = `${record.notification_id}/${record.delivery_id}`
      if (content) contents.set(key, content)
      const known = last.get(key)
      if (!known || isLater(record, known)) last.set(key, record)
    },
    words: () =>
      [...last].flatMap(([key, { event_id: _, ...word }]) => {
        const content = contents.get(key)
        return content ? [{ ...word, state: word.state === 'sending' ? 'unknown' : word.state, content }] : []
      }),
  }
}

type Said = Pick<Told, 'claim' | 'state'>

/** What came of a call is noted after it, but two processes may have made two calls. */
function isLater(one: Said, other: Said): boolean {
  return one.claim > other.claim || (one.claim === other.claim && other.state === 'sending')
}
