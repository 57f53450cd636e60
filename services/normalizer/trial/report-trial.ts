import type { PayloadDescription } from '#runtime/understand/describe-payload.ts'
import { remedyOf } from '#runtime/understand/remedies.ts'
import type { FileTrial, Trial } from './try-file.ts'

/** What `parma news judge` prints of a news item. */
export type NewsOfTrial = {
  event_id: string
  kind: string
  severity: string
  title: string
  message: string
  silent: boolean
}

/** What `parma understand` prints of a payload. Times are ISO 8601. */
export type PayloadReport = {
  /** Where it stands in the file; empty if it is the only one. */
  place: string
  company_id: string | null
  observed_at: string | null
  subject_key: string | null
  /** Why the payload as a whole would not be stored. */
  refused_as_a_whole: { reason: string; message: string; remedy: string } | null
} & Partial<PayloadDescription> & {
    /** Null: it was not compared with what is stored. */
    news: Omit<NewsOfTrial, 'event_id'>[] | null
  }

export type FileReport = { source: string; map_version: number | null; payloads: PayloadReport[] }

export function reportTrial(
  { source, mapVersion, trials }: FileTrial,
  news: readonly NewsOfTrial[] | null,
): FileReport {
  const byEvent = Map.groupBy(news ?? [], ({ event_id }) => event_id)
  const payloads = trials.map((trial) => {
    const own = (byEvent.get(trial.eventId) ?? []).map(({ event_id: _, ...one }) => one)
    const isJudged = (trial.tried?.observations ?? []).length > 0
    return { ...reportPayload(trial), news: news !== null && isJudged ? own : null }
  })
  return { source, map_version: mapVersion, payloads }
}

function reportPayload({ body, tried }: Trial): Omit<PayloadReport, 'news'> {
  const about = { place: body.place, company_id: body.company }
  if (tried === null) {
    const whole = { reason: 'not-accepted', message: body.fault!, remedy: 'Fix the module: the edge answers 4xx.' }
    return { ...about, observed_at: null, subject_key: null, refused_as_a_whole: whole }
  }
  const { result, subject_key } = tried
  const observed_at = new Date(tried.observed_at).toISOString()
  if (!('reason' in result)) return { ...about, observed_at, subject_key, refused_as_a_whole: null, ...result }
  const { reason, message } = result
  return { ...about, observed_at, subject_key, refused_as_a_whole: { reason, message, remedy: remedyOf(reason) } }
}
