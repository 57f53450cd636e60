import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { buttonForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, facts, foreign, severity, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { Audience, Published, Rule, Trial } from './read-rules.ts'
import { describe, describeScope, ruleFormMain, toFields } from './rule-form.ts'

export const path = '/console/rules'
export const addressOf = (ruleId: string) => `${path}/${ruleId.replace('rule/', '')}`

type RulesMain = { rules: readonly Rule[]; published: readonly Published[]; said: Html | null; zone: string }

/** All rules with what each told lately. */
export function rulesMain({ rules, published, said, zone }: RulesMain): Html {
  const list =
    rules.length > 0
      ? ruleTable(rules, zone)
      : empty(
          'There is no rule yet',
          'Without rules, detectors tell what is unusual for each series. A rule says it for certain.',
          {
            ...{ text: 'Write the first rule', href: `${path}/new` },
          },
        )
  return html`${said}${rules.length > 0 && html`<p><a class="button" href="${path}/new">New rule</a></p>`}
${list}
${published.length > 0 && publishedPart(published)}`
}

function stateOf({ definition, problem }: Rule): Html {
  if (problem !== null)
    return html`${state('bad', 'Cannot be applied')}<br><small dir="auto">${excerpt(problem, 200)}</small>`
  return definition.enabled ? state('good', 'On') : state('none', 'Off')
}

function ruleTable(rules: readonly Rule[], zone: string): Html {
  const rows = rules.map((rule) => [
    {
      text: html`<a href="${addressOf(rule.rule_id)}">${foreign(excerpt(rule.definition.name || rule.rule_id, 80))}</a>`,
      sort: rule.definition.name,
    },
    { text: rule.rule_id },
    { text: foreign(excerpt(describe(rule.definition), 120)) },
    { text: foreign(excerpt(describeScope(rule.definition), 120)) },
    { text: stateOf(rule) },
    { text: String(rule.told), sort: rule.told },
    {
      text: html`${time(rule.since, zone)}${rule.changed_by !== null && html` by ${foreign(excerpt(rule.changed_by, 60))}`}`,
      sort: rule.since,
    },
  ])
  const columns = [
    ...['Name', 'Rule', 'Tells when', 'About', 'State'].map((name) => ({ name })),
    ...[{ name: 'Told in 30 days', isNumber: true }, { name: 'Changed' }],
  ]
  return table('Rules', columns, rows, { sortable: rows.length > 1, cards: true })
}

function publishedPart(published: readonly Published[]): Html {
  const rows = published.map(({ id, name, measurement, threshold, told }) => [
    { text: foreign(excerpt(name, 80)) },
    { text: `notification_rules/${id}` },
    { text: foreign(excerpt(measurement ?? 'a deleted measurement', 80)) },
    { text: `${threshold}%` },
    { text: String(told), sort: told },
  ])
  const columns = [
    ...['Name', 'Rule', 'Measurement', 'Change by'].map((name) => ({ name })),
    { name: 'Told in 30 days', isNumber: true },
  ]
  return html`<section id="parma-web"><h2>Rules of parma-web</h2>
<p>They are changed in parma-web.</p>
${table('Rules of parma-web', columns, rows, { isNamed: true, cards: true })}</section>`
}

/** A rule: its form, the switch, and where it is off. */
export function ruleMain(rule: Rule, said: Html | null, zone: string): Html {
  const { rule_id, version, definition, since, changed_by, told } = rule
  const sent = { version: String(version) }
  const address = addressOf(rule_id)
  return html`${said}${facts([
    ['State', stateOf(rule)],
    ['Tells when', foreign(excerpt(describe(definition), 300))],
    ['About', foreign(excerpt(describeScope(definition), 300))],
    ['Told in 30 days', formatCount(told, 'news item')],
    [
      'Version',
      html`${version}, ${time(since, zone)}${changed_by !== null && html` by ${foreign(excerpt(changed_by, 80))}`}`,
    ],
    ['History', html`<a href="/console/audit?kind=analyzer.rule">What was changed of rules</a>`],
  ])}
<h2>Change it</h2>
${ruleFormMain(toFields(definition), { rule: rule_id, version })}
<section id="switch"><h2>${definition.enabled ? 'Switch it off' : 'Switch it on'}</h2>
<p>${definition.enabled ? `It told ${formatCount(told, 'news item')} in the last 30 days, which nobody would have heard of by it. Switching it on again undoes it.` : 'It judges what comes from then on.'}</p>
${buttonForm(`${address}/switch`, definition.enabled ? 'Switch the rule off' : 'Switch the rule on', { ...sent, enabled: String(!definition.enabled) }, { look: definition.enabled ? 'danger' : 'plain' })}</section>
<section id="exclude"><h2>Off for one company, bucket or source</h2>
<p>A rule of the same name that never fires there is added. Switching that one off undoes it.</p>
${postForm(`${address}/exclude`, [input('number', 'company', 'Company (id)', undefined), input('number', 'bucket', 'or bucket (id)', undefined), input('number', 'source', 'or source (id)', undefined)], 'Switch it off there', sent)}</section>
<p><a href="${path}">Back to all rules</a></p>`
}

type TrialMain = { trial: Trial; audience: Audience | string; said: Html | null; zone: string }

/** What a rule would have told, and whom, with a button that saves it. */
export function trialMain({ trial, audience, said, zone }: TrialMain): Html {
  const { rule_id, version, definition, companies, tried, payloads, told, silent, by_month, newest } = trial
  const fields = toFields(definition)
  const months = Object.entries(by_month).sort(([a], [b]) => a.localeCompare(b))
  return html`${said}<p>${foreign(excerpt(definition.name, 200))}: ${foreign(excerpt(describe(definition), 300))}. About ${foreign(excerpt(describeScope(definition), 300))}.</p>
<h2>What it would have told in 12 months</h2>
<p><b>${formatCount(told, 'news item')}</b>${silent > 0 && `, and ${formatCount(silent, 'silent one')} that nobody would have heard of`}, from ${formatCount(payloads, 'payload')} about ${tried} of ${companies === 1 ? '1 company' : `${companies} companies`}.</p>
${tried < companies && html`<p>${state('late', `Only the first ${tried} companies were tried`)}: the time of a trial on a page is used up. <code>npx parma rules add --backtest 12m</code> tries all.</p>`}
${
  months.length > 0 &&
  table(
    'By month',
    [{ name: 'Month' }, { name: 'News items', isNumber: true }],
    months.map(([month, count]) => [{ text: month }, { text: String(count), sort: count }]),
  )
}
<h2>Who would have got messages</h2>
${typeof audience === 'string' ? html`<p>${audience}</p>` : audienceTable(audience)}
<h2>The newest</h2>
${newest.length > 0 ? newestTable(newest, zone) : html`<p>None.</p>`}
<h2>${rule_id === null ? 'Save it' : `Save it as ${rule_id}`}</h2>
${postForm(path, null, 'Save the rule', { ...fields, do: 'save', rule: rule_id ?? '', version: version === null ? '' : String(version) })}
<details><summary>Change it first</summary>${ruleFormMain(fields, { rule: rule_id ?? undefined, version: version ?? undefined })}</details>
<p><a href="${path}">Back to all rules, without saving it</a></p>`
}

function audienceTable({ messages, people, without_recipient }: Audience): Html {
  const rows = people
    .slice(0, 200)
    .map((one) => [
      { text: foreign(excerpt(one.person, 80)) },
      { text: foreign(excerpt(one.at, 100)) },
      { text: String(one.messages), sort: one.messages },
      { text: String(one.news), sort: one.news },
    ])
  const missed = Object.entries(without_recipient).map(([why, count]) => `${count} (${why})`)
  const columns = [
    { name: 'Person' },
    { name: 'Where' },
    { name: 'Messages', isNumber: true },
    { name: 'News items', isNumber: true },
  ]
  return html`<p>${formatCount(messages, 'message')}, by what people follow and have set now. Digests are not counted.</p>
${rows.length > 0 && table('Messages a person', columns, rows, { sortable: rows.length > 1, cards: true })}
${missed.length > 0 && html`<p>Without a recipient: ${excerpt(missed.join(', '), 500)}.</p>`}`
}

function newestTable(newest: Trial['newest'], zone: string): Html {
  const rows = newest.map((one) => [
    { text: foreign(excerpt(one.title, 200)) },
    { text: foreign(excerpt(one.company, 80)) },
    { text: severity(one.severity) },
    { text: time(one.observed_at, zone) },
  ])
  return table(
    'The newest news items',
    ['News item', 'Company', 'Severity', 'Observed'].map((name) => ({ name })),
    rows,
    { isNamed: true, cards: true },
  )
}
