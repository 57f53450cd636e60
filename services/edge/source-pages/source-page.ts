import { formatCount, formatNumber } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { remedyOf } from '#runtime/understand/remedies.ts'
import { everyText, freshnessState } from '../company-pages/words.ts'
import { html, type Html } from '../design/html.ts'
import { facts, foreign, morePages, table, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { judgeFeed } from '../growth/freshness.ts'
import { suspectActs } from './act-forms.ts'
import { comingSlots } from './coming-slots.ts'
import type { SourceView } from './read-source.ts'
import { sourcesPath } from './read-sources.ts'
import { incidentWord, noSlotText, outcomeState, planText, runDots, slotList, sourceState } from './source-words.ts'

type Asked = { view: SourceView; zone: string; now: number; acts: Html | null }

const longestReason = 300

/** How a source is, what was fed, what was missed, and what of it could not be understood. */
export function sourceMain(asked: Asked): Html {
  const { view, acts } = asked
  return html`${acts}
${suspects(asked)}
${health(asked)}
<nav class="toc" aria-label="On this page"><a href="#runs">Runs</a><a href="#missed">Missed slots</a><a href="#drift">Drift</a><a href="#refused">Refused values</a><a href="#usage">What it sends</a><a href="${sourcesPath}/${view.source.id}/maps">Versions of its map</a><a href="/console/freshness?source=${view.source.id}">Freshness of its companies</a></nav>
${runs(asked)}
${missed(asked)}
${drift(asked)}
${refused(asked)}
${usage(asked)}`
}

function suspects({ view: { source, suspects }, zone }: Asked): Html | false {
  if (suspects.length === 0) return false
  const list = suspects.map(
    (
      run,
    ) => html`<li><p><b>Run ${run.run_no}</b>${run.task_id !== null && ` of task ${run.task_id}`}, ${time(run.suspected_at, zone)}: ${foreign(excerpt(run.message, longestReason))}. <b>${formatCount(run.held, 'news item')}</b> ${run.held === 1 ? 'is' : 'are'} held until somebody decides.</p>
${suspectActs(source.id, run)}</li>
`,
  )
  return html`<section id="suspect"><h2>Suspect: was the source right?</h2>
<ul class="plain-list">${list}</ul></section>`
}

function health({ view: { source }, zone, now }: Asked): Html {
  const { health, policy, incidents, observed_at, every_ms, companies, measurements, map_version } = source
  const paused = policy?.paused && policy.pause_reason !== null && policy.pause_reason !== ''
  const since = health && html` since ${time(health.since, zone)}`
  return facts([
    ['State', html`${sourceState(source, zone)}${health?.status === 'DOWN' && since}`],
    ['Why it is paused', paused && policy.pause_reason],
    ['Why it is down', health?.status === 'DOWN' && health.reason],
    [
      'Wrong',
      incidents.length > 0 &&
        incidents.map(
          ({ kind, message, opened_at }) =>
            html`<p><b>${incidentWord(kind)}</b> since ${time(opened_at, zone)}: ${foreign(message)}</p>`,
        ),
    ],
    ['Up', health && `${formatNumber(Math.floor(health.uptime * 10_000) / 100)}% of the time`],
    ['Last runs', runDots(source.runs)],
    ['Plan', planText(source, policy)],
    ['Next', slotList(comingSlots(source, now), zone, noSlotText(source))],
    ['Newest data', freshnessState(judgeFeed({ observedAt: observed_at, everyMs: every_ms }, now), now)],
    ['Data comes', every_ms !== null && everyText(every_ms)],
    ['Companies', html`${companies} linked, ${formatCount(measurements, 'measurement')}`],
    ['Map', map_version === null ? 'None: its handshake has not been done.' : `Version ${map_version}`],
    ['Module', foreign(source.endpoint)],
    ['About', source.description !== null && source.description !== '' && foreign(excerpt(source.description, 500))],
  ])
}

const scheduleTypes: Record<string, string> = { REGULAR: 'by plan', ON_DEMAND: 'on demand' }

function runs({ view, zone }: Asked): Html {
  const columns = [
    { name: 'Started' },
    { name: 'Ended' },
    { name: 'Why' },
    { name: 'Fed', isNumber: true },
    { name: 'Errors', isNumber: true },
    { name: 'Outcome' },
  ]
  const rows = view.runs.map((run) => [
    { text: html`${time(run.started_at, zone)}<br><small>task ${run.task_id}</small>` },
    {
      text: run.finished_at === null ? html`<span class="muted">no finish record</span>` : time(run.finished_at, zone),
    },
    {
      text: `${scheduleTypes[run.schedule_type] ?? run.schedule_type}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`,
    },
    { text: formatNumber(run.fed) },
    { text: formatNumber(run.error_count) },
    {
      text: html`${outcomeState(run)}${run.reason && html`<br><small dir="auto">${excerpt(run.reason, longestReason)}</small>`}`,
    },
  ])
  return html`<section id="runs"><h2>Runs</h2>
${rows.length === 0 ? html`<p>It has not run yet. ${noSlotText(view.source)}</p>` : table('Runs', columns, rows, { isNamed: true, cards: true })}
${morePages(view.next === null ? null : `${withQuery(`${sourcesPath}/${view.source.id}`, { cursor: view.next })}#runs`)}</section>`
}

const missReasons: Record<string, string> = {
  superseded: 'A newer slot was due before it could start.',
  late: 'It could not start within 5 minutes, and the plan catches up nothing.',
  paused: 'The source was paused.',
  inactive: 'The source was switched off.',
}

function missed({ view, zone }: Asked): Html {
  const columns = [{ name: 'From' }, { name: 'To' }, { name: 'Slots', isNumber: true }, { name: 'Why' }]
  const rows = view.missed.map(({ from_slot, to_slot, slots, reason }) => [
    { text: time(from_slot, zone) },
    { text: time(to_slot, zone) },
    { text: formatNumber(slots) },
    { text: missReasons[reason] ?? reason },
  ])
  return html`<section id="missed"><h2>Missed slots</h2>
${rows.length === 0 ? html`<p>None: every slot of the plan made a run.</p>` : table('Missed slots', columns, rows, { isNamed: true, cards: true })}</section>`
}

function drift({ view, zone }: Asked): Html {
  const columns = [{ name: 'Where' }, { name: 'What' }, { name: 'Since' }]
  const rows = view.drift.map(({ kind, subject, message, opened_at }) => [
    { text: foreign(excerpt(subject, 200)) },
    { text: html`<b>${incidentWord(kind)}</b><br><small dir="auto">${excerpt(message, longestReason)}</small>` },
    { text: time(opened_at, zone) },
  ])
  return html`<section id="drift"><h2>Drift</h2>
${rows.length === 0 ? html`<p>None: its payloads fit its map.</p>` : table('Drift', columns, rows, { isNamed: true, cards: true })}</section>`
}

function refused({ view, zone }: Asked): Html {
  const { id } = view.source
  const columns = [
    { name: 'Reason' },
    { name: 'Payloads', isNumber: true },
    { name: 'Values', isNumber: true },
    { name: 'What to do' },
    { name: 'Newest' },
  ]
  const rows = view.refused.map(({ reason, payloads, leaves, path, newest }) => [
    {
      text: html`<a href="${withQuery('/console/refused', { source: id, reason })}">${reason.replaceAll('-', ' ')}</a>${path !== '' && html`<br><small dir="auto">such as ${excerpt(path, 120)}</small>`}`,
    },
    { text: formatNumber(payloads) },
    { text: formatNumber(leaves) },
    { text: remedyOf(reason) },
    { text: time(newest, zone) },
  ])
  return html`<section id="refused"><h2>Refused values</h2>
${rows.length === 0 ? html`<p>None: everything that it sent was stored.</p>` : table('Refused values by reason', columns, rows, { isNamed: true, cards: true })}</section>`
}

/** What `GET /api/v1/sources/{id}/usage` says of the last days. */
function usage({ view }: Asked): Html {
  const { id } = view.source
  const columns = [
    { name: 'Day (UTC)' },
    ...['Payloads', 'Refused payloads', 'Values', 'Refused values', 'kB'].map((name) => ({ name, isNumber: true })),
  ]
  const rows = view.usage.map(({ day, payloads, refused, values, refused_values, bytes }) => [
    { text: day },
    { text: formatNumber(payloads) },
    { text: formatNumber(Object.values(refused).reduce((sum, count) => sum + count, 0)) },
    { text: formatNumber(values) },
    { text: formatNumber(refused_values) },
    { text: bytes === null ? '–' : formatNumber(Math.ceil(bytes / 1000)) },
  ])
  return html`<section id="usage"><h2>What it sends</h2>
${table('What it has sent by day', columns, rows, { isNamed: true, cards: true })}
<p class="small"><a href="/api/v1/sources/${id}/usage?days=31">More days, as JSON</a></p></section>`
}
