import { isRecord, tryJson } from '#runtime/read/try-json.ts'
import { canonicalCompanyId } from '#runtime/read/payload-rules.ts'
import { isDeepStrictEqual } from 'node:util'
import { excerpt } from '#runtime/text/shorten.ts'
import { formatList } from '#runtime/text/format.ts'
import type { CompaniesRequest } from '../build-request.ts'
import type { Findings } from './findings.ts'
import { type Answered } from './judge-answer.ts'
import type { EdgeCall, Step } from '../recording/recording-edge.ts'

export type Fed = { company: string; source: string; text: string }

/** What a run brought: payloads that the edge took, and the companies with an error. */
export type Run = { fed: Fed[]; errors: Record<string, string> }

const section = '3.8'

/**
 * Judges how a run went: payloads of the companies asked for, then one finish with what failed, then the answer, which is
 * that of the finish. `refused`: the edge refused a call, so the module may have given up. `endedAt`: when it answered.
 */
export function judgeRun(
  findings: Findings,
  where: string,
  { calls, taskId }: Step,
  asked: CompaniesRequest['companies'],
  answered: { body: Answered | null; at: number; refused: boolean },
): Run {
  const feeds = calls.filter(({ path, answer }) => path === '/feed-raw-data' && answer.status === 201)
  const finishes = calls.filter(({ path }) => path === '/crawling-finished')
  const run = { fed: feeds.map(readFed), errors: readErrors(finishes) }
  if (asked) judgeCompanies(findings, where, run, Object.keys(asked))
  for (const one of finishes) judgeTask(findings, where, one, taskId)
  if (answered.refused) return run
  const [finish] = finishes
  if (!finish) {
    // Without an answer the module may still be at it; that is the defect then.
    if (answered.body) findings.defect('missing-finish', where, 'the run ended without /crawling-finished', section)
    return run
  }
  if (finishes.length > 1)
    findings.defect('doubled-finish', where, `/crawling-finished was called ${finishes.length} times`, section)
  if (finish.at > answered.at) findings.defect('late-finish', where, 'answered before it finished')
  if (calls.some(({ path, at }) => path === '/feed-raw-data' && at > finish.at))
    findings.defect('feed-after-finish', where, 'fed a payload after /crawling-finished', section)
  if (
    answered.body &&
    finish.at <= answered.at &&
    !finishes.some((one) => isDeepStrictEqual(answered.body!.value, one.answer.body))
  )
    findings.defect(
      'wrong-literal',
      where,
      `answered ${excerpt(answered.body.text, 100)} and not the JSON that its /crawling-finished got`,
      '4.3',
    )
  if (asked) judgeReported(findings, where, run, Object.keys(asked))
  return run
}

function judgeTask(findings: Findings, where: string, { text, answer }: EdgeCall, taskId: number | null): void {
  const body = text === null ? null : tryJson(text)
  if (!isRecord(body) || answer.status === 422 || Number(body.task_id) === taskId) return
  findings.defect('wrong-task', where, `finished the task ${JSON.stringify(body.task_id)}, and not ${taskId}`, section)
}

function judgeCompanies(findings: Findings, where: string, { fed, errors }: Run, asked: readonly string[]): void {
  const others = [...new Set([...fed.map(({ company }) => company), ...Object.keys(errors)])].filter(
    (company) => !asked.includes(canonicalCompanyId(company)),
  )
  if (others.length > 0)
    findings.defect('wrong-company', where, `told of ${formatList(others, 3)}, asked for ${formatList(asked, 5)}`)
}

/** Judges what came for a run after it was judged: one more finish. */
export function judgeLate(findings: Findings, where: string, { calls }: Step): void {
  const known = findings.defects.some(({ kind }) => kind === 'doubled-finish')
  const finishes = calls.filter(({ path }) => path === '/crawling-finished')
  if (!known && finishes.length > 1)
    findings.defect('doubled-finish', where, `/crawling-finished was called ${finishes.length} times`, section)
}

/** Each company asked for has a payload or an error. */
function judgeReported(findings: Findings, where: string, { fed, errors }: Run, asked: readonly string[]): void {
  const silent = asked.filter(
    (company) => !fed.some((one) => one.company === company) && !Object.hasOwn(errors, company),
  )
  if (silent.length > 0)
    findings.defect(
      'unreported-error',
      where,
      `company ${formatList(silent, 3)} has neither a payload nor an error`,
      section,
    )
}

function readFed({ text }: EdgeCall): Fed {
  const { company_id, source_name } = JSON.parse(text ?? '{}') as { company_id: string; source_name: string }
  return { company: company_id, source: source_name, text: text ?? '' }
}

function readErrors(finishes: readonly EdgeCall[]): Record<string, string> {
  return Object.fromEntries(
    finishes.flatMap(({ text, answer }) => {
      const body = text === null || answer.status === 422 ? null : tryJson(text)
      const errors = isRecord(body) && isRecord(body.errors) ? body.errors : {}
      return Object.entries(errors).map(([company, error]) => [company, describeError(error)])
    }),
  )
}

function describeError(error: unknown): string {
  if (!isRecord(error)) return String(error)
  return excerpt(`${String(error.error_type)}: ${String(error.error_description ?? '')}`, 160)
}
