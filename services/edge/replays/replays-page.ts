import { randomUUID } from 'node:crypto'
import { formatCount } from '#runtime/text/format.ts'
import { askForm, buttonForm, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, facts, foreign, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { countPayloads, Replay } from './read-replays.ts'

const path = '/console/replays'

const modes = [
  { value: 'compare', text: 'Compare only' },
  { value: 'fill', text: 'Fill what is missing' },
  { value: 'replace', text: 'Replace' },
]
const maps = [
  { value: 'now', text: 'The newest map' },
  { value: 'then', text: 'The map of their time' },
]

type Source = { id: number; name: string }

/** The replays, and the form that begins one. */
export function replaysMain(replays: readonly Replay[], sources: readonly Source[], zone: string): Html {
  const options = sources.map(({ id, name }) => ({ value: String(id), text: name }))
  const list =
    replays.length === 0
      ? empty(
          'No replay yet',
          'A replay reads stored payloads again, such as after a map was wrong. Begin with a comparison.',
        )
      : table(
          'Replays, the newest first',
          [
            ...[{ name: 'Replay' }, { name: 'Source' }, { name: 'What' }, { name: 'State' }],
            ...[{ name: 'Payloads', isNumber: true }, { name: 'Differences', isNumber: true }, { name: 'Begun' }],
          ],
          replays.map((one) => [
            { text: html`<a href="${path}/${one.replay}">Replay ${one.replay}</a>`, sort: one.replay },
            { text: foreign(one.source.name) },
            { text: modeText(one.mode) },
            { text: stateOf(one) },
            { text: `${one.done} of ${one.total}`, sort: one.done },
            { text: String(differencesOf(one)), sort: differencesOf(one) },
            { text: time(one.asked_at, zone), sort: one.asked_at },
          ]),
          { cards: true },
        )
  const form = html`<h2 id="begin">Read payloads again</h2>
<form class="stack" method="get" action="${path}/new">
${choice('source', 'Source', options, undefined)}
${choice('mode', 'What to do', modes, 'compare')}
${choice('map', 'By which map', maps, 'now')}
${input('number', 'company', 'Only this company', undefined, { hint: 'Its number. Empty: all.' })}
${input('date', 'from', 'Observed from', undefined, { hint: 'Days of UTC. Empty: from the beginning.' })}
${input('date', 'to', 'Observed before', undefined)}
<p class="field"><button>Count the payloads</button></p>
</form>`
  return html`${list}
${options.length === 0 ? empty('No data source', 'Add one first: parma sources add.') : form}`
}

const modeText = (mode: string) => modes.find(({ value }) => value === mode)?.text ?? mode

function differencesOf({ report }: Replay): number {
  return report === null ? 0 : report.added + report.changed + report.removed
}

function stateOf({ state: name }: Pick<Replay, 'state'>): Html {
  if (name === 'running') return state('late', 'Running')
  if (name === 'paused') return state('none', 'Paused')
  if (name === 'done') return state('good', 'Done')
  return name === 'failed' ? state('bad', 'Failed') : state('none', 'Canceled')
}

export type AskedReplay = {
  source: number
  mode: 'compare' | 'fill' | 'replace'
  map: 'then' | 'now'
  company?: number | undefined
  from?: string | undefined
  to?: string | undefined
}

/** Says how much a replay would read, and asks whether to begin. */
export function askMain(
  asked: AskedReplay,
  source: Source,
  { payloads, companies, first, last }: Awaited<ReturnType<typeof countPayloads>>,
  zone: string,
): Html {
  const back = html`<p><a href="${path}">Back, without a replay</a></p>`
  if (payloads === 0)
    return html`${empty('Nothing to read', 'There are no payloads of this source, company and time.')}
${back}`
  const { map, mode, ...rest } = asked
  const hidden = Object.fromEntries(
    Object.entries({ ...rest, map, mode, key: randomUUID() }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  )
  return html`${facts([
    ['Source', foreign(source.name)],
    ['What', modeText(mode)],
    ['By', maps.find(({ value }) => value === map)?.text],
    ['Payloads', String(payloads)],
    ['Companies', String(companies)],
    ['Observed', first !== null && last !== null && html`${time(first, zone)} to ${time(last, zone)}`],
  ])}
<p>${effects[mode]} Nobody is notified.</p>
${postForm(path, input('text', 'reason', 'Why', undefined, { maxlength: 500, required: mode !== 'compare' }), `${modeText(mode)}: ${formatCount(payloads, 'payload')}`, hidden)}
${back}`
}

const effects = {
  compare: 'It changes nothing, and shows what would change.',
  fill: 'It stores values that are missing. What is stored stays.',
  replace:
    'It puts what it reads in the place of what is stored. Earlier values are kept: to undo it, replace by the map of their time.',
}

/** One replay: how far it is, and what it found. */
export function replayMain(replay: Replay, zone: string): Html {
  const { state: name, report, source, mode, done, total } = replay
  const action = `${path}/${replay.replay}`
  const button = (what: string, text: string) => buttonForm(action, text, { what }, { look: 'plain' })
  const left = `${formatCount(done, 'payload')} of ${total} ${done === 1 ? 'is' : 'are'} done and ${done === 1 ? 'stays' : 'stay'} so, the others are left out.`
  const cancel = { step: 'Cancel the rest', text: `${left} The same replay, begun again, does the rest.` }
  const buttons = [
    name === 'running' && button('pause', 'Pause'),
    name === 'paused' && button('resume', 'Resume'),
    (name === 'running' || name === 'paused') && askForm(action, cancel, { what: 'cancel' }),
  ]
  return html`${facts([
    ['Source', foreign(source.name)],
    ['What', modeText(mode)],
    ['State', html`${stateOf(replay)}${replay.message !== '' && html` ${replay.message}`}`],
    ['Payloads', `${done} of ${total}`],
    ['Map', replay.map_version === null ? 'The one of their time' : `Version ${replay.map_version}`],
    ['Observed from', replay.from && time(replay.from, zone)],
    ['Observed before', replay.to && time(replay.to, zone)],
    ['Companies', replay.companies?.join(', ')],
    ['Begun', html`${time(replay.asked_at, zone)} by ${foreign(replay.actor)}`],
    ['Ended', replay.finished_at && time(replay.finished_at, zone)],
    ['Why', replay.reason === '' ? null : foreign(replay.reason)],
  ])}
<div id="buttons">${buttons}</div>
${report && reportOf(report, mode, zone)}
<p><a href="${path}">All replays</a></p>`
}

function reportOf(report: NonNullable<Replay['report']>, mode: string, zone: string): Html {
  const problems = Object.entries(report.problems)
  const paths = Object.entries(report.paths)
  return html`<h2>${mode === 'compare' ? 'What would change' : 'What has changed'}</h2>
${facts([
  ['Same', String(report.same)],
  ['Added', String(report.added)],
  [mode === 'fill' ? 'Different, and left' : 'Changed', String(report.changed)],
  [mode === 'fill' ? 'Read no longer, and left' : 'Removed', String(report.removed)],
  ['Corrected by hand, and left', report.kept > 0 && String(report.kept)],
  ['Could not be read', problems.length > 0 && problems.map(([reason, count]) => `${reason}: ${count}`).join(', ')],
])}
${
  paths.length > 0 &&
  table(
    'By path',
    [{ name: 'Path' }, ...['Added', 'Changed', 'Removed'].map((name) => ({ name, isNumber: true }))],
    paths.map(([name, one]) => [
      { text: foreign(name) },
      ...[one.added, one.changed, one.removed].map((count) => ({ text: String(count), sort: count })),
    ]),
  )
}
${
  report.samples.length > 0 &&
  table(
    'Samples',
    [{ name: 'Path' }, { name: 'Before' }, { name: 'After' }, { name: 'Company' }, { name: 'Observed' }],
    report.samples.map((one) => [
      { text: html`${foreign(one.path)}${one.item !== null && html` (${foreign(one.item)})`}` },
      { text: one.before === null ? 'nothing' : foreign(one.before) },
      { text: one.after === null ? 'nothing' : foreign(one.after) },
      { text: one.company_id },
      { text: time(one.observed_at, zone) },
    ]),
  )
}`
}
