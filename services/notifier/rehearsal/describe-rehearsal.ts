import { formatCount, formatList, formatShortTime } from '#runtime/text/format.ts'
import { composeNews } from '../message/compose.ts'
import type { Destination } from '../people/destinations.ts'
import type { FileNews } from './read-news.ts'
import type { Rehearsal, RehearsedMessage } from './rehearse.ts'

/** What `parma audience try` prints. `at` is ISO 8601. */
export type Report = {
  news: number
  silent: number
  messages: number
  people: { person: string; at: string; messages: number; news: number }[]
  without_recipient: Record<string, number>
  kept_back: Record<string, number>
  list: { at: string; to: string; people: string[]; news: number; subject: string; titles: string[] }[]
}

/** A message counts once for each destination that gets it. */
export function reportRehearsal(
  { messages, withoutRecipient, keptBack }: Rehearsal,
  news: readonly FileNews[],
  destinations: ReadonlyMap<number, Destination>,
  maxLines: number,
): Report {
  const byId = new Map(news.map((one) => [one.news_id, one]))
  const list = messages.flatMap((message) => listMessage(message, byId, destinations, maxLines))
  const byPerson = Map.groupBy(
    list.flatMap(({ people, to, news: count }) => people.map((person) => ({ person, at: to, count }))),
    ({ person, at }) => JSON.stringify([person, at]),
  )
  return {
    news: news.length,
    silent: news.filter(({ silent }) => silent).length,
    messages: list.length,
    people: [...byPerson.values()]
      .map((some) => ({
        ...{ person: some[0]!.person, at: some[0]!.at, messages: some.length },
        news: some.reduce((sum, { count }) => sum + count, 0),
      }))
      .sort((a, b) => a.person.localeCompare(b.person) || a.at.localeCompare(b.at)),
    without_recipient: withoutRecipient,
    kept_back: keptBack,
    list,
  }
}

function listMessage(
  { at, itemIds, to }: RehearsedMessage,
  news: ReadonlyMap<string, FileNews>,
  destinations: ReadonlyMap<number, Destination>,
  maxLines: number,
): Report['list'] {
  const items = itemIds.flatMap((id) => news.get(id) ?? [])
  const { subject, lines } = composeNews(items, maxLines, () => null)
  return to.map(({ destinationId, recipients }) => {
    const { channel, address } = destinations.get(destinationId)!
    return {
      ...{ at: new Date(at).toISOString(), to: `${channel} ${address}`, people: recipients.map(({ name }) => name) },
      ...{ news: items.length, subject, titles: lines.map(({ title }) => title) },
    }
  })
}

/** The report in words, with at most `most` messages. */
export function describeReport(report: Report, most: number): string {
  const { news, silent, messages, people, without_recipient, kept_back, list } = report
  const told = news - silent
  const counts = (of: Record<string, number>) => Object.entries(of).map(([why, count]) => `${count} (${why})`)
  return [
    `${formatCount(told, 'news item')} would have made ${formatCount(messages, 'message')}. Nothing is sent.`,
    ...(silent > 0 ? [`Silent, so that nobody is notified: ${silent}.`] : []),
    ...(Object.keys(without_recipient).length > 0
      ? [`Without a recipient: ${formatList(counts(without_recipient))}.`]
      : []),
    ...(Object.keys(kept_back).length > 0 ? [`Kept back at a destination: ${formatList(counts(kept_back))}.`] : []),
    ...people.map(
      (one) =>
        `${one.person}, ${one.at}: ${formatCount(one.messages, 'message')} with ${formatCount(one.news, 'news item')}`,
    ),
    ...(list.length > 0 ? [''] : []),
    ...list.slice(0, most).map((one) => `${formatShortTime(Date.parse(one.at))}  ${one.to}  ${one.subject}`),
    ...(list.length > most ? [`… and ${list.length - most} more: give a larger --limit, or --json for all.`] : []),
  ].join('\n')
}
