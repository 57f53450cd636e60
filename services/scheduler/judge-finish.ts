import { quote } from './quote.ts'

/** What of a task decides about a finish record that names it. Times are ms since 1970. */
export type FinishedTask = {
  data_source_id: number
  status: 'PENDING' | 'PROCESSING' | 'SUCCESS' | 'FAILED'
  attempts: number
  /** When its attempt should have been over; null: it never started. */
  deadline: number | null
  /** A finish record has been taken before. */
  finished: boolean
  /** Payloads counted so far. */
  fed: number
}

export type FinishVerdict =
  | { kind: 'refused'; reason: string }
  /** `status`: what the task is now. It stays PROCESSING while only what is still to be counted can say what it is. */
  | { kind: 'accepted'; status: 'PROCESSING' | 'SUCCESS' | 'FAILED'; late: boolean; errors: number }

/**
 * What a finish record does to its task. Accepted in any state but "never started", however late and however often, as
 * modules expect; only the source that the task belongs to may finish it.
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

/** What the module said of each company that it could not crawl. */
export function companyErrors(
  errors: Readonly<Record<string, { error_type: string; error_description: string | null }>> | null,
): Record<string, string> {
  const named = Object.entries(errors ?? {}).filter(([company]) => /^\d+$/.test(company))
  return Object.fromEntries(
    named.map(([company, { error_type, error_description }]) => {
      const words = [error_type, error_description ?? ''].filter(Boolean).join(': ')
      return [company, quote(words, longestReason)]
    }),
  )
}
