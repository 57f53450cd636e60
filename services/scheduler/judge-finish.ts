import { excerpt } from '#runtime/text/shorten.ts'

/** What decides about a task's finish record. Times are ms since 1970. */
export type FinishedTask = {
  data_source_id: number
  status: 'PENDING' | 'PROCESSING' | 'SUCCESS' | 'FAILED'
  attempts: number
  /** When its attempt should have ended; null: it never started. */
  deadline: number | null
  /** Whether an earlier finish record was accepted. */
  finished: boolean
  /** Payloads counted so far. */
  fed: number
}

export type FinishVerdict =
  | { kind: 'refused'; reason: string }
  /** `status`: of the task from now on. It stays PROCESSING while payloads that are still to be counted decide. */
  | { kind: 'accepted'; status: 'PROCESSING' | 'SUCCESS' | 'FAILED'; late: boolean; errors: number }

/**
 * What a finish record does to its task. It is accepted in any state but "never started", however late and however
 * often, as modules expect. Only the task's own source may finish it.
 */
export function judgeFinish(
  finish: { data_source_id: number; errors: Readonly<Record<string, unknown>> | null; received_at: number },
  task: FinishedTask | undefined,
): FinishVerdict {
  if (!task) return { kind: 'refused', reason: 'unknown task' }
  if (task.data_source_id !== finish.data_source_id) return { kind: 'refused', reason: 'task of another source' }
  if (task.status === 'PENDING' && task.attempts === 0) return { kind: 'refused', reason: 'task never started' }

  const errors = Object.keys(finish.errors ?? {}).length
  const open = task.status === 'PROCESSING' || task.finished
  const late = !open || (task.deadline !== null && finish.received_at > task.deadline)
  if (errors === 0 || task.fed > 0) return { kind: 'accepted', status: 'SUCCESS', late, errors }
  return { kind: 'accepted', status: task.status === 'PENDING' ? 'PROCESSING' : task.status, late, errors }
}

type CompanyErrors = Readonly<Record<string, { error_type: string; error_description: string | null }>>

const longestReason = 300

/** The module's error for each company that it could not crawl, by company id. */
export function companyErrors(errors: CompanyErrors | null): Record<string, string> {
  const named = Object.entries(errors ?? {}).filter(([company]) => /^\d+$/.test(company))
  return Object.fromEntries(
    named.map(([company, { error_type, error_description }]) => {
      const words = [error_type, error_description ?? ''].filter(Boolean).join(': ')
      return [company, excerpt(words, longestReason)]
    }),
  )
}

/** Answers of the edge that pass: it could not take the payload, the caller was too fast, or the token had expired. */
const passes = /^(5\d\d|401|408|425|429)$/

/**
 * The companies of which the edge refused a payload for a reason that passes. All modules that we know report a refused
 * payload as `AnalyticsError` and go on with the next company; the text names the status. Without one there was no
 * answer. What a module could not crawl, or has nothing for, is not refused.
 */
export function refusedCompanies(errors: CompanyErrors | null): number[] {
  return Object.entries(errors ?? {}).flatMap(([company, { error_type, error_description }]) => {
    const id = Number(company)
    if (error_type !== 'AnalyticsError' || !/^[1-9]\d*$/.test(company) || id > 2 ** 31 - 1) return []
    const [status = null] = /\b[45]\d\d\b/.exec(error_description ?? '') ?? []
    return status === null || passes.test(status) ? [id] : []
  })
}
