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

const longestReason = 300

/** The module's error for each company that it could not crawl, by company id. */
export function companyErrors(
  errors: Readonly<Record<string, { error_type: string; error_description: string | null }>> | null,
): Record<string, string> {
  const named = Object.entries(errors ?? {}).filter(([company]) => /^\d+$/.test(company))
  return Object.fromEntries(
    named.map(([company, { error_type, error_description }]) => {
      const words = [error_type, error_description ?? ''].filter(Boolean).join(': ')
      return [company, excerpt(words, longestReason)]
    }),
  )
}
