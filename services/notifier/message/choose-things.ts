import type { RankedNews } from './rank-news.ts'

/** What a person said of news items about the same measurement. */
export type Opinions = { useful: number; notUseful: number }
/** The parts of an importance, each 0 to 1. */
export type Parts = Readonly<Record<string, number>>

type Candidate = RankedNews & { news_id: string; company_id: number; observed_at: number }
/** `isDone`: the person has done with it, or put it off. */
export type Feedback = Opinions & { isDone: boolean }
export const noFeedback: Feedback = { useful: 0, notUseful: 0, isDone: false }

/** Things of a digest, and how many of one company unless nothing else is left. */
const [mostThings, mostOfCompany] = [10, 3]

/** At least how important a news item of this severity is: rules of people say so, and those stored before had none. */
const leastOf = { critical: 0.9, warning: 0.5, info: 0 }
/** Of those without an importance. */
const unknown = 0.2

/**
 * Divides the news items of a digest, the best first: those that are shown with all there is to say, and the others.
 * The order is that of importance (score × size × polarity × rarity) × followers × feedback.
 */
export function chooseThings<T extends Candidate>(
  news: readonly T[],
  feedbackOf: (news: T) => Feedback,
): { things: T[]; others: T[] } {
  const weights = new Map(news.map((one) => [one, weightOf(one, feedbackOf(one))]))
  const ranked = news.toSorted(
    (a, b) =>
      weights.get(b)! - weights.get(a)! ||
      Math.abs(b.trigger_factor ?? 0) - Math.abs(a.trigger_factor ?? 0) ||
      b.observed_at - a.observed_at ||
      (a.news_id < b.news_id ? -1 : 1),
  )
  const counts = new Map<number, number>()
  const isEarly = ({ company_id }: T) => {
    const count = (counts.get(company_id) ?? 0) + 1
    counts.set(company_id, count)
    return count <= mostOfCompany
  }
  const open = ranked.filter((one) => !feedbackOf(one).isDone)
  const early = open.filter(isEarly)
  const chosen = new Set([...early, ...open.filter((one) => !early.includes(one))].slice(0, mostThings))
  return { things: ranked.filter((one) => chosen.has(one)), others: ranked.filter((one) => !chosen.has(one)) }
}

function weightOf({ importance, severity, followers = 0 }: RankedNews, opinions: Opinions): number {
  const own = Math.max(importance ?? unknown, leastOf[severity])
  return own * (1 + Math.log2(1 + followers) / 10) * factorOf(opinions)
}

/** Each opinion counts less than the one before: from a quarter to double. */
function factorOf({ useful, notUseful }: Opinions): number {
  return Math.min(2, Math.max(0.25, 2 ** ((Math.sqrt(useful) - Math.sqrt(notUseful)) / 2)))
}

/** Why a news item was chosen, as a sentence. */
export function explainChoice({ severity, importance }: RankedNews, parts: Parts | null, opinions: Opinions): string {
  const { score = 0, size = 0, polarity = 0, rarity = 0 } = parts ?? {}
  const reasons = [
    severity === 'critical' && 'a rule calls it critical',
    score >= 0.8 && 'it is unusual for its series',
    size >= 0.6 && 'the change is large',
    polarity >= 0.8 && 'it is about something that counts',
    rarity >= 0.8 && 'such news is rare',
    opinions.useful > opinions.notUseful && 'you called such news useful',
    opinions.notUseful > opinions.useful && 'it counts less, because you called such news not useful',
  ].filter((one) => one !== false)
  const why = reasons.length > 0 ? list.format(reasons) : 'it is the most important of what else there is'
  return `Chosen because ${why}${importance == null ? '' : ` (importance ${Math.round(importance * 100)} of 100)`}.`
}

const list = new Intl.ListFormat('en-GB')
