import { type Alike, type Evidence, findAlike, minCompanies } from './alike.ts'

/** What is known of a run at a time. Times in ms. */
export type RunView = {
  /** In the order in which they were judged. */
  evidence: readonly Evidence[]
  /** Nothing more will come. */
  hasEnded: boolean
  /** Since the last of its payloads was judged. */
  quietMs: number
  /** The payloads with something that waits, with how long it has waited. */
  waiting: readonly { eventId: string; ageMs: number }[]
  /** How long anything may wait. */
  maxWaitMs: number
}

/** `cleared`: the payloads of which nothing needs to wait any more. `marks`: what to say of some of these. */
export type Decision =
  { kind: 'suspect'; judged: number; found: Alike[] } | { kind: 'clear'; cleared: string[]; marks: Map<string, string> }

/** So many more companies must be judged before a payload is cleared. */
const moreCompanies = 5
/** Payloads that come together are judged together: they follow each other more quickly than this. */
const settleMs = 2000
const maxSettleMs = 15_000

/** Decides about a run in which nobody has decided yet. */
export function decideRun({ evidence, hasEnded, quietMs, waiting, maxWaitMs }: RunView): Decision {
  const { judged, found } = findAlike(evidence)
  if (found.length > 0 && judged >= minCompanies) return { kind: 'suspect', judged, found }
  const later = companiesAfter(evidence)
  const cleared = waiting.filter(({ eventId, ageMs }) => {
    const isSettled = quietMs >= settleMs || ageMs >= maxSettleMs
    return (hasEnded && isSettled) || ageMs >= maxWaitMs || (isSettled && (later.get(eventId) ?? 0) >= moreCompanies)
  })
  const marks = new Map<string, string>()
  if (judged < minCompanies)
    for (const one of evidence)
      for (const { key, seen } of one.shapes.filter(({ waits }) => waits).slice(0, 1)) {
        const alike = new Set(
          evidence.filter(({ shapes }) => shapes.some((shape) => shape.key === key)).map(({ company }) => company),
        )
        marks.set(one.eventId, `${seen} (${alike.size} of ${judged} companies of the run)`)
      }
  return { kind: 'clear', cleared: cleared.map(({ eventId }) => eventId), marks }
}

/** How many other companies were judged after each payload. */
function companiesAfter(evidence: readonly Evidence[]): Map<string, number> {
  const after = new Map<string, number>()
  const seen = new Set<number>()
  for (const { eventId, company } of evidence.toReversed()) {
    after.set(eventId, seen.size - (seen.has(company) ? 1 : 0))
    seen.add(company)
  }
  return after
}
