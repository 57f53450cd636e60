import { isRecord, tryJson } from '#runtime/read/try-json.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import { canonicalCompanyId, findTimeFault, wrongTime } from '#runtime/read/payload-rules.ts'
import { type PayloadText, splitPayloads } from '#runtime/read/split-payloads.ts'
import { formatNumber } from '#runtime/text/format.ts'
import { readIso } from '#runtime/text/iso-time.ts'

/**
 * A payload as it would be posted. `company`: as text, null if it names none. `fault`: why the edge would not take it;
 * null if it would.
 */
export type Body = {
  place: string
  bytes: Buffer
  company: string | null
  observedAt: number | null
  fault: string | null
}

const mostPayloads = 1000

/**
 * The payloads of a text. One is a body of /feed-raw-data or only its raw_data, which gets the other members. A
 * UsageError if there are none or too many.
 */
export function readBodies(text: string, name: string, source: string, company: string | null, now: number): Body[] {
  const payloads = splitPayloads(text)
  if (payloads === null) throw new UsageError(`${name} begins with [ and is not a JSON array.`)
  if (payloads.length === 0) throw new UsageError(`${name} has no payload.`)
  if (payloads.length > mostPayloads)
    throw new UsageError(
      `${name} has ${formatNumber(payloads.length)} payloads: give at most ${formatNumber(mostPayloads)}, for example with \`head\`.`,
    )
  return payloads.map((payload) => readBody(payload, source, company, now))
}

function readBody({ text, place }: PayloadText, source: string, given: string | null, now: number): Body {
  const value = tryJson(text)
  if (value === undefined) return { place, bytes: Buffer.from(text), company: given, observedAt: null, fault: null }
  if (!isRecord(value) || !Object.hasOwn(value, 'raw_data')) {
    const head = `{"source_name":${JSON.stringify(source)},"company_id":${JSON.stringify(given ?? '')},"raw_data":`
    return { place, bytes: Buffer.from(`${head}${text}}`), company: given, observedAt: null, fault: null }
  }
  const { company_id: own, observed_at: at = null } = value
  const observedAt = typeof at === 'string' ? readIso(at) : null
  return {
    ...{ place, bytes: Buffer.from(text), observedAt },
    company: given ?? (typeof own === 'string' ? canonicalCompanyId(own) : null),
    fault: findFault(value, source, observedAt, now),
  }
}

/** What the edge checks before it takes a body. */
function findFault(members: Record<string, unknown>, source: string, observedAt: number | null, now: number) {
  const { source_name: name, company_id: company, observed_at: at = null } = members
  if (name !== undefined && name !== source)
    return `source_name is ${JSON.stringify(name)}, and the token's source is ${source}`
  if (company !== undefined && typeof company !== 'string') return 'company_id must be a JSON string, as in "42"'
  if (observedAt !== null) return findTimeFault(observedAt, now)
  return at === null ? null : wrongTime
}
