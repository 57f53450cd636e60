import { isMover, isStandstill } from './judge-standstill.ts'
import type { Rhythm } from './learn-rhythm.ts'
import type { Movement } from './measure-movement.ts'

/**
 * What one source says about one company over time. `at`: observed time of its newest payload. `cameAt`: when that was
 * judged; null: unknown. `live`: it was not history.
 */
export type Feed = {
  company: number
  at: number
  cameAt: number | null
  live: boolean
  rhythm: Rhythm | null
  movement: Movement
}

/** The standstills of a source that are open: of the whole source, or of companies. */
export type Standstills = { source: boolean; companies: ReadonlySet<number> }

/**
 * What begins and what ends. `whole`: the companies whose numbers stand still, when the standstill of the source begins.
 * `opened`, `closed`: companies with one of their own.
 */
export type Turns = { whole: number[]; closes: boolean; opened: number[]; closed: number[] }

/** Of so many of the feeds that usually move, a whole source stands still when so many do, and until so few do. */
const whole = { fewest: 2, from: 0.9, until: 0.5 }
/** A feed of which nothing has come for so many steps says nothing about its source. */
const silentSteps = 3

/**
 * Judges the feeds of one source after new payloads of the companies `judged`. A standstill of the whole source takes the
 * place of those of its companies. A company is judged only after a payload about it: when a source moves again, the
 * others of the same run have not come yet.
 */
export function judgeFeeds(feeds: readonly Feed[], open: Standstills, judged: ReadonlySet<number>): Turns {
  const live = feeds.filter((feed) => feed.live)
  const newest = Math.max(...live.map(({ at }) => at))
  const movers = live.filter(
    ({ at, rhythm, movement }) => isMover(movement) && newest - at <= silentSteps * (rhythm?.step ?? 0),
  )
  const resting = movers.filter(({ movement }) => movement.still >= 2)
  const own = live.filter(({ company, movement }) => judged.has(company) && isStandstill(movement))
  const closes = open.source && (movers.length === 0 || resting.length < whole.until * movers.length)
  const opens =
    !open.source && own.length > 0 && movers.length >= whole.fewest && resting.length >= whole.from * movers.length
  const isWhole = opens || (open.source && !closes)
  const moving = feeds.filter(({ company, movement }) => judged.has(company) && movement.still === 0)
  return {
    ...{ whole: opens ? resting.map(({ company }) => company) : [], closes },
    opened: isWhole ? [] : own.map(({ company }) => company).filter((company) => !open.companies.has(company)),
    closed: moving.map(({ company }) => company).filter((company) => open.companies.has(company)),
  }
}
