import { formatCount, formatNumber } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { html, type Html } from '../design/html.ts'
import { facts, foreign, sayOutcome, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { draftsPath, mapsPath, type SourceName } from './maps-page.ts'
import type { Report, Trial } from './read-trials.ts'

export const trialsPath = ({ id }: Pick<SourceName, 'id'>) => `/console/sources/${id}/map-trials`

/** What a map would make of stored documents, compared with the map in force, or how far the trial is. */
export function trialMain(source: SourceName, trial: Trial, zone: string): Html {
  const { version, draft, state, message, report, actor, last, asked_at } = trial
  const map =
    version === null
      ? { text: `Map ${draft}`, href: `${draftsPath(source)}/${draft}` }
      : { text: `Version ${version}`, href: `${mapsPath(source)}/${version}` }
  const shown = report && reportPart(report, state === 'judging')
  return html`${state === 'failed' && sayOutcome('bad', message)}
${facts([
  ['Map', html`<a href="${map.href}">${map.text}</a>`],
  [
    'Compared with',
    report && (report.in_force === null ? 'no map in force' : `version ${report.in_force}, in force then`),
  ],
  ['Documents', report ? formatNumber(report.documents) : `the last ${formatNumber(last)} at most`],
  ['Not readable', report && report.unreadable > 0 ? formatCount(report.unreadable, 'document') : null],
  ['Asked by', foreign(actor)],
  ['Asked', time(Date.parse(asked_at), zone)],
])}
${(state === 'running' || state === 'judging') && html`<p>${state === 'running' ? 'It is being tried. That takes some seconds.' : 'The values are there. Its news items are being judged.'}</p><p><a class="button" href="${trialsPath(source)}/${trial.trial}">Look again</a></p>`}
${shown}
<p><a href="${map.href}">Back to the map, to decide about it</a> · <a href="${mapsPath(source)}">All versions</a></p>`
}

const totals = [
  ['stored', 'Leaves stored'],
  ['null', 'Null'],
  ['unmapped', 'Not in the map'],
  ['refused', 'Refused'],
  ['refused_as_a_whole', 'Documents refused as a whole'],
] as const

function reportPart(report: Report, isJudging: boolean): Html {
  const { before, after, paths, same, faults, left_out } = report
  const sums = totals.map(([name, text]) => [
    { text },
    { text: formatNumber(before[name]) },
    { text: formatNumber(after[name]) },
  ])
  return html`<section aria-labelledby="totals"><h2 id="totals">In all</h2>
${table('Leaves of all documents', [{ name: 'What' }, { name: 'Map in force', isNumber: true }, { name: 'This map', isNumber: true }], sums, { isNamed: true })}
</section>
${faults.length > 0 && html`<section aria-labelledby="faults"><h2 id="faults">Faults of this map</h2><ul>${faults.map(({ path, message }) => html`<li>${foreign(path)}: ${foreign(message)}</li>\n`)}</ul>${more(left_out.faults, 'fault')}</section>`}
<section aria-labelledby="paths"><h2 id="paths">Values that differ</h2>
${
  paths.length === 0
    ? html`<p>None: it makes the same values.</p>`
    : table(
        'Paths with values that differ',
        [
          { name: 'Path' },
          { name: 'Measurement' },
          ...['Added', 'Removed', 'Changed', 'Refused', 'Null'].map((name) => ({ name, isNumber: true })),
          { name: 'For example' },
        ],
        paths.map(pathRow),
        { isNamed: true, cards: true },
      )
}
<p class="muted">${formatCount(same, 'path')} without a difference.</p>${more(left_out.paths, 'path')}</section>
${newsPart(report, isJudging)}`
}

function pathRow({ path, before, after, added, removed, changed, samples, refusals }: Report['paths'][number]) {
  const examples = [
    ...samples.map(
      ({ item, before: was, after: is }) => `${item === null ? '' : `${item}: `}${show(was)} → ${show(is)}`,
    ),
    ...refusals.map(({ sample, remedy }) => `refused, such as ${excerpt(sample, 60)}: ${remedy}`),
  ]
  return [
    { text: foreign(path) },
    { text: foreign(after.measurement ?? before.measurement ?? '–') },
    ...[added, removed, changed].map((count) => ({ text: formatNumber(count) })),
    ...(['refused', 'null'] as const).map((name) => ({
      text:
        before[name] === after[name]
          ? formatNumber(after[name])
          : `${formatNumber(before[name])} → ${formatNumber(after[name])}`,
    })),
    { text: examples.map((line) => html`${foreign(line)}<br>`) },
  ]
}

const show = (value: unknown) => (value === null ? 'nothing' : excerpt(JSON.stringify(value), 60))

function newsPart({ news, no_news: reason, left_out }: Report, isJudging: boolean): Html {
  if (news === null) return html`<p>${isJudging ? 'News items are being judged.' : reason}</p>`
  const list = (title: string, id: string, items: NonNullable<Report['news']>['gained']) =>
    html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${
      items.length === 0
        ? html`<p>None.</p>`
        : html`<ul>${items.map((item) => html`<li>${foreign(item.title)} <span class="muted">${item.silent ? 'silent' : item.severity}</span></li>\n`)}</ul>`
    }</section>`
  return html`${list('News items that it would make', 'gained', news.gained)}
${list('News items that it would not make', 'lost', news.lost)}
<p class="muted">${formatCount(news.same, 'news item')} the same.</p>${more(left_out.news, 'news item')}`
}

const more = (count: number, what: string) =>
  count > 0 && html`<p class="muted">${formatCount(count, what)} more, which have no room here.</p>`
