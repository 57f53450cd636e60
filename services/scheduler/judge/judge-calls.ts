import { tryJson } from '#runtime/read/try-json.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { edgeRoutes } from '../recording/answer-call.ts'
import type { Findings } from './findings.ts'
import { isJsonType, judgeKeys } from './judge-answer.ts'
import type { EdgeCall, Step } from '../recording/recording-edge.ts'

const sections: Record<string, string> = {
  '/source-measurement': '3.3',
  '/feed-raw-data': '3.7',
  '/crawling-finished': '3.8',
}

/**
 * Judges the form of all calls that the module made in a step: route, token, content type, JSON, members. Returns whether
 * the edge refused one, so that a module which then fails does not fail by itself.
 */
export function judgeCalls(findings: Findings, { calls, token }: Step): boolean {
  for (const call of calls) judgeCall(findings, call, token)
  return calls.some(({ answer }) => answer.status >= 400)
}

function judgeCall(findings: Findings, call: EdgeCall, token: string): void {
  const { method, path, headers, text, answer } = call
  const where = `the module's ${method} ${excerpt(path, 60)}`
  const section = sections[path]
  if (method !== 'POST' || !edgeRoutes.some((route) => route === path))
    return findings.defect('unknown-route', where, `the edge has no route ${method} ${excerpt(path, 60)}`)
  if (!judgeToken(findings, where, call, token)) return
  const type = String(headers['content-type'] ?? '')
  if (!isJsonType(type)) findings.defect('content-type', where, `was sent with ${type || 'no content-type'}`, section)
  if (text === null) return findings.defect('too-large', where, 'has more than 8 MiB', section)
  if (tryJson(text) === undefined)
    return findings.defect('invalid-json', where, `was sent as ${excerpt(text, 120) || 'nothing'}`, section)
  judgeKeys(findings, where, text, section)
  if (answer.status === 422) findings.defect('wrong-body', where, describeIssues(answer.body), section)
  if (answer.status === 403) findings.defect('wrong-body', where, (answer.body as { detail: string }).detail, section)
}

/** Whether the edge may take the call. */
function judgeToken(findings: Findings, where: string, { headers, query }: EdgeCall, token: string): boolean {
  const inUrl = query.includes(token) || /[?&](access_)?(token|authorization|jwt)=/i.test(query)
  if (inUrl) findings.defect('token-in-url', where, 'has the token in its address')
  const given = headers.authorization
  if (given === `Bearer ${token}` || given === token) return true
  if (given === undefined && !inUrl) findings.defect('token-missing', where, 'has no Authorization header')
  if (given !== undefined) findings.defect('token-wrong', where, describeToken(given, token))
  return false
}

function describeToken(given: string, token: string): string {
  if (given.endsWith(` ${token}`)) return `has the scheme ${excerpt(given.slice(0, -token.length), 20)}, not Bearer`
  if (given.includes(token)) return 'has the token with something around it'
  return /^Bearer \S+$/.test(given)
    ? 'has another token than the call that it serves'
    : 'has something in Authorization that is no token of ours'
}

function describeIssues(body: unknown): string {
  const { detail } = body as { detail: { loc: (string | number)[]; msg: string }[] }
  return detail
    .slice(0, 3)
    .map(({ loc, msg }) => `${loc.slice(1).join('.') || 'it'}: ${msg}`)
    .join('; ')
}
