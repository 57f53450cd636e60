import type { Viewer } from '../access/viewer.ts'
import type { SeriesHead } from '../ask/one-series.ts'
import type { Html } from '../design/html.ts'
import type { Log } from '#runtime/process/log.ts'
import { type Answer, type TrialDeps, tryRule } from '../rule-trial/ask.ts'
import type { TriedRule } from '../rule-trial/query.ts'
import { scaleOf } from '../rule-trial/scale.ts'
import { trialSection } from '../rule-trial/section.ts'
import type { Draw } from './pictures.ts'
import type { SeriesPageQuery, SeriesView } from './read-series-page.ts'

type Page = { query: SeriesPageQuery; head: SeriesHead; view: SeriesView; zone: string; draw: Draw }

/**
 * The part of a series' page in which a rule is tried: its slider and, where the address names a rule, what the rule would
 * have told. Null: the values have no thresholds.
 */
export async function tryRuleHere(
  deps: TrialDeps & { log: Log },
  viewer: Viewer,
  { query, head, view, zone, draw }: Page,
  traceparent?: string,
): Promise<Html | null> {
  const { type } = view.series.measurement
  if (type !== 'int' && type !== 'float') return null
  const { rule: condition = 'percent', days, until = null } = query
  const values = view.series.points.flatMap(({ value }) => (typeof value === 'number' ? [value] : []))
  const scale = scaleOf(condition, values, type === 'int', query.threshold)
  const isChange = condition === 'percent' || condition === 'absolute'
  const direction = isChange ? query.direction : 'both'
  const rule: TriedRule = { condition, direction, threshold: query.threshold ?? scale.usual }
  const answer = query.rule === undefined ? null : await tryWithoutCost(deps, viewer, head, rule, traceparent)
  return trialSection({
    ...{ path: `/console/series/${view.series.series_id}`, period: { days, until } },
    ...{ rule, scale, answer, zone, chart: view.chart },
    draw: (series) => draw.line(series, 'tried'),
  })
}

/** The page is there without an answer, too. */
function tryWithoutCost(deps: TrialDeps & { log: Log }, ...asked: TryAsked): Promise<Answer> {
  return tryRule(deps, ...asked).catch((err: unknown) => {
    deps.log.warn({ err }, 'rule_trial_failed')
    return 'waiting'
  })
}

type TryAsked = Parameters<typeof tryRule> extends [unknown, ...infer Rest] ? Rest : never
