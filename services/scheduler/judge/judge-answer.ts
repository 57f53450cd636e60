import { tryJson } from '#runtime/read/try-json.ts'
import { type Json, parse } from '#runtime/read/parse.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { HttpFailure } from '#runtime/web/http-client.ts'
import type { Findings, Kind } from './findings.ts'
import type { Watched } from '../recording/watched-client.ts'

const kindOf: Partial<Record<HttpFailure, Kind>> = { timeout: 'slow', redirect: 'redirect', 'too-large': 'too-large' }

/** More than the edge and the scheduler read. */
const limits = { MAX_LEAVES: 1_000_000, MAX_DEPTH: 1000 }

export type Answered = { text: string; value: unknown }

/**
 * Judges how a call ended: in time, with status 200, and with JSON that says so. Returns the body, null if it cannot be
 * used. `mayFail`: a status from 500 on is an answer, too.
 */
export function judgeAnswer(
  findings: Findings,
  where: string,
  { answer, failure }: Watched,
  { section, mayFail = false }: { section: string; mayFail?: boolean },
): Answered | null {
  if (failure) {
    const to = failure.location === null ? '' : ` to ${failure.location}`
    findings.defect(kindOf[failure.reason] ?? 'broken-answer', where, `${failure.message}${to}`, section)
    return null
  }
  const { status, headers, body } = answer!
  const text = body.toString('utf8')
  if (status !== 200) {
    const message = `answered ${status}: ${excerpt(text, 160) || 'nothing'}`
    if (status === 401 || status === 403) findings.defect('token-refused', where, message)
    else if (!mayFail || status < 500) findings.defect('wrong-status', where, message, section)
    return null
  }
  const type = String(headers['content-type'] ?? '')
  if (!isJsonType(type)) findings.defect('content-type', where, `answered ${type || 'no content-type'}`, section)
  const value = tryJson(text)
  if (value === undefined) {
    findings.defect('invalid-json', where, `answered ${excerpt(text, 120) || 'nothing'}`, section)
    return null
  }
  judgeKeys(findings, where, text, section)
  return { text, value }
}

export function isJsonType(type: string): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)
}

/** Members of one name in one object. */
export function judgeKeys(findings: Findings, where: string, text: string, section?: string): void {
  const { root } = parse(text, limits)
  const twice = root && findTwice(root, '')
  if (twice) findings.defect('duplicate-keys', where, `an object has two members ${twice}`, section)
}

function findTwice(node: Json, path: string): string | null {
  if (node.kind === 'list') return node.items.map((item) => findTwice(item, `${path}[]`)).find(Boolean) ?? null
  if (node.kind !== 'object') return null
  for (const { key, value, overridden } of node.members) {
    const own = path === '' ? key : `${path}.${key}`
    const found = overridden ? own : findTwice(value, own)
    if (found !== null) return found
  }
  return null
}
