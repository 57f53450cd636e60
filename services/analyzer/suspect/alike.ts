import type { Payload } from '../values/payload.ts'
import { continues } from './numbers.ts'
import type { Shape } from './shapes.ts'
import type { Reading, Trace } from './trace.ts'

/** What one payload of a run tells about the run. */
export type Evidence = {
  company: number
  eventId: string
  shapes: readonly Shape[]
  content: string
  contentBefore: string | null
  leaves: number
  numbers: Record<string, number>
  numbersBefore: Record<string, number>
}

/** `before`: of the last payload of its subject. */
export function evidenceOf(
  payload: Pick<Payload, 'company_id' | 'event_id'>,
  { trace }: Reading,
  shapes: readonly Shape[],
  before: Trace | null,
): Evidence {
  return {
    ...{ company: Number(payload.company_id), eventId: payload.event_id, shapes },
    ...{ content: trace.content, contentBefore: before?.content ?? null, leaves: trace.leaves },
    ...{ numbers: trace.numbers, numbersBefore: before?.numbers ?? {} },
  }
}

/** What many companies of a run have in common. `payloads`: by event id, with what was seen of each. */
export type Alike = { key: string; payloads: Map<string, { company: number; seen: string }>; companies: number }

/** With fewer companies a run can be marked, but not held. */
export const minCompanies = 5
const minAlike = 2
/** The share of companies that must be alike; and how many always are enough, however many companies there are. */
const strongShare = 0.15
const strongEnough = 8
const weakShare = 0.8
const weakAtLeast = 5
/** Two companies hardly have the same number if it is as large as this. */
const minTelling = 1000

/**
 * What is suspicious about a run. Companies that move much, each in its own way, are not alike, however many they are.
 */
export function findAlike(evidence: readonly Evidence[]): { judged: number; found: Alike[] } {
  const judged = countCompanies(evidence)
  const shapes = evidence.flatMap((one) => one.shapes.map((shape) => ({ one, shape })))
  const candidates = [...Map.groupBy(shapes, ({ shape }) => shape.key)]
    .filter(([key]) => key !== 'jumped')
    .map(([key, some]) => {
      const strong = some.filter(({ shape }) => shape.grade === 'strong')
      return {
        alike: collect(
          key,
          some.map(({ one, shape }) => ({ ...one, seen: shape.seen })),
        ),
        strong: countCompanies(strong.map(({ one }) => one)),
      }
    })
  const doubles = findDoubles(evidence)
  const all = [...candidates, { alike: doubles, strong: doubles.companies }]
  const isMany = ({ alike, strong }: (typeof all)[number]) =>
    (strong >= minAlike && strong >= Math.min(strongShare * judged, strongEnough)) ||
    (alike.companies >= weakAtLeast && alike.companies >= weakShare * judged)
  const found = all.filter(isMany).map(({ alike }) => alike)
  // Of measurements less is to be said than of whole payloads.
  const rank = ({ key }: Alike) => (/^(emptied|null|value) /.test(key) ? 1 : 0)
  return {
    judged,
    found: found.sort((a, b) => b.companies - a.companies || rank(a) - rank(b) || (a.key < b.key ? -1 : 1)),
  }
}

function collect(key: string, some: readonly (Evidence & { seen: string })[]): Alike {
  return {
    key,
    payloads: new Map(some.map(({ eventId, company, seen }) => [eventId, { company, seen }])),
    companies: countCompanies(some),
  }
}

export function countCompanies(some: readonly Pick<Evidence, 'company'>[]): number {
  return new Set(some.map(({ company }) => company)).size
}

/**
 * Payloads with the content of another company's, of this run or of the one before. Companies that looked alike before,
 * because they share what was crawled, are no doubles.
 */
function findDoubles(evidence: readonly Evidence[]): Alike {
  const moved = evidence.filter((one) => one.leaves > 0 && one.content !== one.contentBefore)
  const byContent = Map.groupBy(moved, ({ content }) => content)
  const byBefore = Map.groupBy(evidence, ({ contentBefore }) => contentBefore)
  const isOther = (one: Evidence) => (other: Evidence) => other.company !== one.company && !wereAlike(one, other)
  const says = ({ leaves, numbers }: Evidence) =>
    leaves > 2 || Object.values(numbers).some((number) => Math.abs(number) >= minTelling)
  const hasDouble = (one: Evidence) =>
    says(one) && (byContent.get(one.content)?.some(isOther(one)) || byBefore.get(one.content)?.some(isOther(one)))
  const isOfOther = (one: Evidence) =>
    one.shapes.some(({ key }) => key === 'jumped') &&
    evidence.some((other) => isOther(one)(other) && continues(one.numbers, other.numbersBefore))
  const doubles = moved.filter((one) => hasDouble(one) || isOfOther(one))
  return collect(
    'double',
    doubles.map((one) => ({ ...one, seen: 'it has the content of another company' })),
  )
}

function wereAlike(one: Evidence, other: Evidence): boolean {
  const hadOneContent = one.contentBefore !== null && one.contentBefore === other.contentBefore
  return hadOneContent || continues(one.numbersBefore, other.numbersBefore)
}
