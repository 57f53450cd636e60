import { isRecord } from '#runtime/read/try-json.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import { readIso } from '#runtime/text/iso-time.ts'
import type { Discovery } from '../read-discovery.ts'
import type { Findings } from './findings.ts'
import { type Answered } from './judge-answer.ts'

const section = '4.2'

/** Judges a usable answer to /discover, beside what the scheduler reads in it. */
export function judgeDiscovery(
  findings: Findings,
  where: string,
  { text, value }: Answered,
  discovery: Discovery,
  now: number,
): void {
  if (discovery.verdict === 'failed') return findings.defect('wrong-literal', where, discovery.reason, section)
  if (/(?<![\w."])-?\d{16,}(?![\w."])/.test(text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '""')))
    findings.defect('lost-digits', where, 'an identifier is a number of more than 15 digits', section)
  if (!isRecord(value)) return
  const { validity } = value
  const until = typeof validity === 'string' ? readIso(validity) : null
  if (validity === undefined || validity === null)
    findings.defect('wrong-literal', where, 'the answer has no validity', section)
  else if (until === null)
    findings.defect('bad-date', where, `validity is ${JSON.stringify(validity)}, which is no time in ISO 8601`, section)
  else if (until <= now) findings.defect('bad-date', where, `validity is over since ${formatShortTime(until)}`, section)
}
