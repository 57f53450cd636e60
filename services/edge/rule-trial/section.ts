import type { Series } from '#runtime/chart/read-series.ts'
import { formatCount, formatNumber } from '#runtime/text/format.ts'
import { choice } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { foreign, notice, table, withQuery } from '../design/parts.ts'
import { day, time } from '../design/time.ts'
import type { Answer, Trial } from './ask.ts'
import { type Condition, conditions, type TriedRule } from './query.ts'
import type { Scale } from './scale.ts'

/** What the section of a page shows. */
export type Shown = {
  /** The page of the series, and the parameters of the time that it shows. */
  path: string
  period: Record<string, string | null>
  rule: TriedRule
  scale: Scale
  /** Null: nothing is tried yet. */
  answer: Answer | null
  /** The picture of the series; null: it has no values in the time shown. */
  chart: Series | null
  draw: (series: Series) => Html
  zone: string
}

const names: Record<Condition, { choice: string; label: string }> = {
  percent: { choice: 'Change in percent', label: 'Percent' },
  absolute: { choice: 'Change by an amount', label: 'Amount' },
  above: { choice: 'Rise above a level', label: 'Level' },
  below: { choice: 'Fall below a level', label: 'Level' },
  unusual: { choice: 'Unusual for this series', label: 'How sure detectors are' },
}
const ways = [
  { value: 'both', text: 'Rises and falls' },
  { value: 'up', text: 'Rises only' },
  { value: 'down', text: 'Falls only' },
]

/** The id of the slider, to which the form leads back so that it keeps the focus. */
const sliderId = 'threshold'
/** News items in the table. */
const mostRows = 20

/** A slider with which somebody sees what a rule would have told of a series. It works without script: a button sends it. */
export function trialSection(shown: Shown): Html {
  const { rule, answer } = shown
  return html`<h2 id="rule">What a rule would tell</h2>
<p>Move the threshold to see which news items a rule would have made of this series. Nothing is saved or sent.</p>
${kinds(shown)}
${form(shown)}
${answer !== null && result(shown, rule, answer)}`
}

function kinds({ path, period, rule, answer }: Shown): Html {
  const items = conditions.map((condition) =>
    condition === rule.condition
      ? html`<li><b aria-current="true">${names[condition].choice}</b></li>`
      : html`<li><a href="${withQuery(path, { ...period, rule: condition, ...(answer !== null && { direction: rule.direction }) })}#rule">${names[condition].choice}</a></li>`,
  )
  return html`<ul class="choices" aria-label="Kind of rule">${items}</ul>`
}

const unitOf = ({ condition }: TriedRule) => (condition === 'percent' || condition === 'unusual' ? '%' : '')
const isChange = ({ condition }: TriedRule) => condition === 'percent' || condition === 'absolute'

function form({ path, period, rule, scale }: Shown): Html {
  const { min, max, step } = scale
  const kept = Object.entries({ ...period, rule: rule.condition }).map(
    ([name, value]) => value !== null && html`<input type="hidden" name="${name}" value="${value}">`,
  )
  const unit = unitOf(rule)
  return html`<form class="filters" method="get" action="${path}#${sliderId}" data-instant>
${kept}${isChange(rule) && choice('direction', 'Direction', ways, rule.direction, 'direction')}
<p class="field slider"><label for="${sliderId}">${names[rule.condition].label}</label>
<input type="range" id="${sliderId}" name="threshold" min="${String(min)}" max="${String(max)}" step="${String(step)}" value="${String(rule.threshold)}" aria-describedby="${sliderId}-ends">
<small id="${sliderId}-ends">${amount(min)}${unit} to ${amount(max)}${unit}<output for="${sliderId}" data-unit="${unit}" hidden></output></small></p>
<p class="field"><button class="plain">Try</button></p>
</form>`
}

const amount = (value: number) => formatNumber(value)

/** The rule in words. */
export function describeTried({ condition, direction, threshold }: TriedRule): string {
  const moves = { both: 'a rise or fall', up: 'a rise', down: 'a fall' }
  if (condition === 'above') return `a rise above ${amount(threshold)}`
  if (condition === 'below') return `a fall below ${amount(threshold)}`
  if (condition === 'unusual') return `a change of which detectors are at least ${amount(threshold)}% sure`
  return `${moves[direction]} by ${amount(threshold)}${condition === 'percent' ? '%' : ''} or more`
}

function result(shown: Shown, rule: TriedRule, answer: Answer): Html {
  if (answer === 'too many')
    return notice('bad', 'You have tried many rules within a minute. Wait a moment, and try again.')
  if (answer === 'waiting') {
    const again = withQuery(shown.path, { ...shown.period, ...parametersOf(rule) })
    return html`${notice('bad', html`The answer takes longer than usual. <a href="${again}#rule">Ask again</a>.`)}`
  }
  if ('refusal' in answer) return notice('bad', answer.refusal)
  return tried(shown, rule, answer.trial)
}

const parametersOf = ({ condition, direction, threshold }: TriedRule) => ({ rule: condition, direction, threshold })

function tried({ chart, draw, zone }: Shown, rule: TriedRule, trial: Trial): Html {
  const { told, silent, cut_at, news } = trial
  const marks = news.map(({ at, title }) => ({ at, text: title }))
  const more = silent > 0 && ` ${silent} more would be silent: late, or back and forth.`
  const cut = cut_at !== null && html` Values from before ${day(cut_at, zone)} are too many to try it on.`
  return html`<p>The rule (${describeTried(rule)}) would have told ${told === 0 ? 'nothing' : html`<b>${formatCount(told, 'news item')}</b>`}${chart !== null && inTime(chart, trial)}.${more}${cut}</p>
${chart !== null && draw({ ...chart, title: `${chart.title}, by this rule`, marks })}
${list(trial, zone)}`
}

/** How many news items are marked in the picture. */
function inTime({ from = -Infinity, to = Infinity }: Series, { told, news }: Trial): string {
  if (told === 0) return ''
  if (news.length < told) return `. The newest ${news.length} are marked`
  const count = news.filter(({ at }) => at >= from && at <= to).length
  return count === told ? '' : `, ${count === 0 ? 'none' : count} of them in the time shown`
}

function list({ news, told }: Trial, zone: string): Html | null {
  if (news.length === 0) return null
  const rows = news
    .slice(-mostRows)
    .reverse()
    .map(({ at, title }) => [{ text: time(new Date(at).toISOString(), zone) }, { text: foreign(title) }])
  const caption = told > mostRows ? `The newest ${mostRows} of ${told}` : 'What the rule would tell'
  return table(caption, [{ name: 'Observed' }, { name: 'News item' }], rows)
}
