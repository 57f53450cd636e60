import { z } from 'zod'
import { sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { id, time, timeOf } from '../ask/parameters.ts'
import { text } from '../http/validation.ts'

/** Which dead letters are meant: all that fit everything that is given. */
export const letterFilter = z.object({
  topic: text(200).optional().describe('The topic that their records came from.'),
  service: text(100).optional().describe('The service that could not process them.'),
  reason: text(100).optional(),
  source: id.optional().describe('Data source, of records that name one.'),
  event: text(200).optional().describe('Id of an event.'),
  id: text(300).optional().describe('One dead letter: `<its topic>/<partition>/<offset>`.'),
  since: time.optional().describe('First failed from this time on.'),
  until: time.optional().describe('First failed before this time.'),
  up_to: id.optional().describe('With at most this number (`letter_no`): what came since somebody looked is left.'),
})
export type LetterFilter = z.output<typeof letterFilter>

/** Which of them, by what was done with them. `letter`: a dead letter that nobody has handled is open. */
export const letterStates = ['open', 'replayed', 'mended', 'dropped', 'all'] as const
export type LetterState = (typeof letterStates)[number]

/** A dead letter that failed again after this many replays is replayed only when somebody insists. */
export const maxReplays = 3

/** A condition on rows of edge.dead_letter. */
export function fits(filter: LetterFilter, state: LetterState): SqlFragment {
  const { topic, service, reason, source, event, since, until, up_to } = filter
  const place = filter.id === undefined ? null : readPlace(filter.id)
  const conditions = [
    state !== 'all' && sql.fragment`state = ${state}`,
    topic !== undefined && sql.fragment`topic = ${topic}`,
    service !== undefined && sql.fragment`service = ${service}`,
    reason !== undefined && sql.fragment`reason = ${reason}`,
    source !== undefined && sql.fragment`data_source_id = ${source}`,
    event !== undefined && sql.fragment`event_id = ${event}`,
    since !== undefined && sql.fragment`first_failed_at >= ${timeOf(since)}::timestamptz`,
    until !== undefined && sql.fragment`first_failed_at < ${timeOf(until)}::timestamptz`,
    up_to !== undefined && sql.fragment`letter_no <= ${up_to}`,
    filter.id !== undefined &&
      (place === null
        ? sql.fragment`false`
        : sql.fragment`dlq_topic = ${place.topic} AND partition = ${place.partition} AND "offset" = ${place.offset}::bigint`),
  ].filter((one) => one !== false)
  return conditions.length === 0 ? sql.fragment`true` : sql.fragment`${sql.join(conditions, sql.fragment` AND `)}`
}

/** Whether anything narrows it down. */
export function isFiltered(filter: LetterFilter): boolean {
  return Object.values(filter).some((value) => value !== undefined)
}

/** Where the record of a dead letter is, from its id; null: that is none. */
function readPlace(letterId: string): { topic: string; partition: number; offset: string } | null {
  const [, topic, partition, offset] = /^(.+)\/(\d{1,6})\/(\d{1,18})$/.exec(letterId) ?? []
  return topic === undefined ? null : { topic, partition: Number(partition), offset: offset! }
}
