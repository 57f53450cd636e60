import { formatList, formatPercent } from '#runtime/text/format.ts'
import { maxAheadMs } from '#runtime/read/payload-rules.ts'
import { readIso } from '#runtime/text/iso-time.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { CompiledMap, Level } from '#runtime/understand/compile-map.ts'
import type { Findings } from './findings.ts'
import type { Read } from './read-payloads.ts'

const where = "the module's POST /feed-raw-data"

/** Judges what payloads contain, each by itself. */
export function judgePayloads(
  findings: Findings,
  payloads: readonly Read[],
  map: CompiledMap,
  source: string,
  now: number,
): void {
  for (const payload of payloads) {
    if (payload.source !== source)
      findings.defect(
        'wrong-source',
        where,
        `source_name is ${JSON.stringify(payload.source)}, and the map's Source ${JSON.stringify(source)}`,
      )
    judgeDates(findings, payload, now)
    judgeNumbers(findings, payload)
    judgeRefused(findings, payload)
    judgeLists(findings, payload)
  }
  judgeUnmapped(findings, payloads, map)
}

const dateProblems = ['not-a-date', 'no-such-date', 'ambiguous-date']

function judgeDates(findings: Findings, { description, leaves, observedAt }: Read, now: number): void {
  const bad = (path: string, message: string) => findings.defect('bad-date', `${where}, ${path}`, message)
  for (const { path, text, type } of leaves) {
    if (type !== 'date') continue
    const problem = findDateProblem(text)
    if (problem !== null) bad(path, `${excerpt(text, 60)} ${problem}`)
  }
  for (const { path, reason, sample } of description.refused)
    if (dateProblems.includes(reason)) bad(path, `${excerpt(sample, 60)} cannot be read as a date (${reason})`)
  for (const { path, type, value } of description.stored)
    if (type === 'date' && Date.parse(String(value)) > now + dayMs) bad(path, `${String(value)} is in the future`)
  if (observedAt === null) return
  const at = readIso(observedAt)
  if (at === null || !hasOffset(observedAt))
    bad('observed_at', `${excerpt(observedAt, 60)} is no time in ISO 8601 with an offset`)
  else if (at > now + maxAheadMs) bad('observed_at', `${observedAt} is in the future`)
}

/** What is wrong with a date that can be read. `text`: its JSON. */
function findDateProblem(text: string): string | null {
  const plain = text.replace(/^"|"$/g, '').trim()
  if (/^-?\d{9,}(\.\d+)?$/.test(plain)) return 'is a number: seconds or milliseconds can only be guessed'
  if (/\d:\d\d/.test(plain) && !hasOffset(plain)) return 'has a time without an offset'
  if (/^1970-01-(0[2-9]|[12]\d)/.test(plain)) return 'looks like seconds that were read as milliseconds'
  return null
}

function hasOffset(text: string): boolean {
  return /(Z|UTC|GMT|[+-]\d\d:?(\d\d)?)\s*$/i.test(text) || !/\d:\d\d/.test(text)
}

/** A double holds 15 digits. What has more was rounded, or will be by whoever reads it. */
function judgeNumbers(findings: Findings, { leaves }: Read): void {
  const lost = (path: string, message: string) => findings.defect('lost-digits', `${where}, ${path}`, message)
  for (const { path, text, type } of leaves) {
    const large = type === 'float' ? null : findLarge(text)
    if (large !== null) lost(path, `${large} is a number beyond 2^53`)
    if (/^"-?\d(\.\d+)?e\+\d{2,}"$/i.test(text)) lost(path, `${text} is a number that was rounded and written as text`)
  }
}

function findLarge(text: string): string | null {
  const outside = text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '""')
  const numbers = outside.match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g) ?? []
  return numbers.find((one) => Math.abs(Number(one)) > Number.MAX_SAFE_INTEGER) ?? null
}

function judgeRefused(findings: Findings, { description }: Read): void {
  for (const { path, reason, sample } of description.refused)
    if (
      !dateProblems.includes(reason) &&
      !['duplicate-key', 'bad-entry', 'unknown-type'].includes(reason) &&
      !reason.endsWith('measurement-id')
    )
      findings.defect('refused-value', `${where}, ${path}`, `${excerpt(sample, 60)} is refused (${reason})`)
}

function judgeLists(findings: Findings, { description }: Read): void {
  for (const { path, known_by, items } of description.lists)
    if (known_by === null && items.length > 1)
      findings.advice(
        'unstable-items',
        `${where}, ${path}`,
        'items are known by their position: a new order looks like a change',
      )
}

/** From this share of leaves on, what a module sends in vain is more than an extra. */
const unmappedShare = 20

/** Leaves whose field the map has on another level are copies, which modules may send. */
function judgeUnmapped(findings: Findings, payloads: readonly Read[], map: CompiledMap): void {
  const fields = new Set(listFields(map.root))
  const isCopy = (path: string) => fields.has(path.slice(path.lastIndexOf('.') + 1).replaceAll('[]', ''))
  const unmapped = payloads.flatMap(({ description }) => description.unmapped).filter(({ path }) => !isCopy(path))
  if (unmapped.length === 0) return
  const sum = unmapped.reduce((total, { leaves }) => total + leaves, 0)
  const all = payloads.reduce((total, { description: { counts } }) => total + counts.stored + counts.refused, sum)
  const share = (100 * sum) / all
  const paths = formatList([...new Set(unmapped.map(({ path }) => path))], 5)
  const message = `the map has no entry for ${paths} (${formatPercent(share)} of the leaves)`
  if (share >= unmappedShare) findings.defect('unmapped', where, message)
  else findings.advice('unmapped', where, message)
}

function listFields(level: Level): string[] {
  return [...level].flatMap(([field, entry]) => [field, ...(entry.kind === 'nested' ? listFields(entry.level) : [])])
}
