import { z } from 'zod'
import type { Apply } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql } from '#runtime/postgres/database.ts'
import { formatTime } from '#runtime/text/format.ts'
import { minuteMs } from '#runtime/text/time.ts'
import { requireNews, requirePerson } from './require.ts'

type Wanted = Payload<'notifier.feedback.set'>

const feedbackRow = z.object({
  opinion: z.enum(['useful', 'not_useful']).nullable(),
  done_at: z.number().nullable(),
  snoozed_until: z.number().nullable(),
})
/** What a person says of a news item. Times are ms since 1970. */
export type Feedback = z.output<typeof feedbackRow>

const none: Feedback = { opinion: null, done_at: null, snoozed_until: null }

/** The feedback after an answer that was given at `at`: an opinion, and whether the news item is done, are apart. */
export function answerWith(before: Feedback, { answer, minutes = 0 }: Wanted, at: number): Feedback {
  switch (answer) {
    case 'useful':
    case 'not_useful':
      return { ...before, opinion: answer }
    case 'done':
      return { ...before, done_at: at, snoozed_until: null }
    case 'snooze':
      return { ...before, done_at: null, snoozed_until: at + minutes * minuteMs }
    case 'open':
      return { ...before, done_at: null, snoozed_until: null }
    case 'none':
      return none
  }
}

/** Stores what a person says of a news item. */
export const setFeedback: Apply<Wanted> = async (tx, wanted, asked) => {
  const { person, news_id } = wanted
  await requirePerson(tx, person)
  const news = await requireNews(tx, asked, news_id)
  const before = await tx.maybeOne(sql.type(feedbackRow)`
    SELECT opinion, done_at, snoozed_until FROM notifier.feedback
    WHERE user_id = ${person} AND news_id = ${news_id}::uuid FOR UPDATE`)
  const after = answerWith(before ?? none, wanted, asked.at)
  const { opinion, done_at, snoozed_until } = after
  if (opinion === null && done_at === null && snoozed_until === null)
    await tx.query(sql.unsafe`
      DELETE FROM notifier.feedback WHERE user_id = ${person} AND news_id = ${news_id}::uuid`)
  else
    await tx.query(sql.unsafe`
      INSERT INTO notifier.feedback (user_id, news_id, opinion, done_at, snoozed_until, company_id, source_measurement_id)
      VALUES (${person}, ${news_id}::uuid, ${opinion}, to_timestamp(${done_at}::int8 / 1000.0),
        to_timestamp(${snoozed_until}::int8 / 1000.0), ${news.company_id}, ${news.source_measurement_id})
      ON CONFLICT (user_id, news_id) DO UPDATE SET opinion = excluded.opinion, done_at = excluded.done_at,
        snoozed_until = excluded.snoozed_until, changed_at = now()`)
  return { message: describe(wanted, after), before: shown(news_id, before), after: shown(news_id, after) }
}

function describe({ answer }: Wanted, { snoozed_until }: Feedback): string {
  const sentences = {
    useful: 'News items like this one stand higher in your digests.',
    not_useful: 'News items like this one stand lower in your digests.',
    done: 'The news item is done.',
    snooze: `The news item comes back at ${formatTime(snoozed_until ?? 0)}.`,
    open: 'The news item is open again.',
    none: 'What you said of the news item is forgotten.',
  }
  return sentences[answer]
}

function shown(news_id: string, feedback: Feedback | null): object | null {
  if (feedback === null) return null
  const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString())
  const { opinion, done_at, snoozed_until } = feedback
  return { news_id, opinion, done_at: iso(done_at), snoozed_until: iso(snoozed_until) }
}
