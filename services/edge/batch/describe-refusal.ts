import type { HttpError } from '../http/http-error.ts'
import { describeProblem } from '../http/problem.ts'
import { payloadsPath } from './describe-payloads.ts'

/** Why a payload of a list is refused. */
export function describeRefusal(refusal: HttpError, index: number) {
  return { index, status: refusal.status, problem: describeProblem(refusal, `${payloadsPath}#/${index}`) }
}
