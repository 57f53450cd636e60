import { formatNumber } from '#runtime/text/format.ts'
import type { ServiceState } from '#runtime/offsets/service-states.ts'
import { html, type Html } from '../design/html.ts'
import { empty, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { BrokerState } from './broker-state.ts'
import { judgeNow, type Red, secondsText } from './judge-now.ts'
import { nextStep } from './lead.ts'
import type { Facts } from './read-now.ts'

type Asked = { broker: BrokerState; facts: Facts; zone: string; now: number }

/** More are too many to look at one by one. */
const mostReds = 100

/** What is wrong, the worst first, each with its next step; and how the services are. */
export function nowMain({ broker, facts, zone, now }: Asked): Html {
  const reds = judgeNow(broker, facts, now)
  const step = nextStep(facts.lead)
  return html`${step && empty(step.title, step.why, step)}
${reds.length === 0 ? html`<p class="lead">${state('good', 'Nothing is red.')}</p>` : list(reds, zone)}
${services(broker, facts, zone)}`
}

function list(reds: readonly Red[], zone: string): Html {
  const more = reds.length - mostReds
  return html`<ul class="plain-list reds">
${reds.slice(0, mostReds).map(
  ({ what, why, since, step, look }) => html`<li><h2>${state(look, html`<bdi>${what}</bdi>`)}</h2>
<p dir="auto">${why}</p>
<p>${since !== null && html`<small>Since ${time(since, zone)}.</small> `}${'href' in step ? html`<a href="${step.href}">${step.text}</a>` : html`${step.text}: <code>${step.command}</code>`}</p></li>
`,
)}</ul>
${more > 0 && html`<p>And ${formatNumber(more)} more. <a href="/console/sources?show=red">See all sources that are red</a></p>`}`
}

const columns = [
  { name: 'Service' },
  { name: 'State' },
  { name: 'Processes', isNumber: true },
  { name: 'Unread records', isNumber: true },
  { name: 'The oldest waits for' },
  { name: 'Open dead letters', isNumber: true },
]

function services(broker: BrokerState, { letters, edges }: Facts, zone: string): Html {
  if ('error' in broker) return html`<h2>Services</h2><p>Not known: no Kafka broker answers.</p>`
  const open = new Map(letters.map((one) => [one.service, one.letters]))
  const rows = broker.states.map((one) => [
    { text: one.service },
    { text: stateOf(one) },
    { text: formatNumber(one.members) },
    { text: formatNumber(one.lag) },
    {
      text:
        one.lag === 0 ? '–' : one.waitingMs === null ? 'less than a second' : `at least ${secondsText(one.waitingMs)}`,
    },
    { text: formatNumber(open.get(one.service) ?? 0) },
  ])
  const waits = edges.some((edge) => edge.waits)
  const own = [
    { text: 'edge' },
    { text: waits ? state('late', 'lets modules wait') : state('good', 'takes payloads') },
    { text: formatNumber(edges.length) },
    { text: '–' },
    { text: '–' },
    { text: '–' },
  ]
  return html`<section id="services"><h2>Services</h2>
${table('Services', columns, [own, ...rows], { isNamed: true, cards: true })}
<p class="small">As the broker said on ${time(broker.at, zone)}.</p></section>`
}

function stateOf({ members, troubles, waitingMs }: ServiceState): Html {
  if (members === 0) return state('bad', 'does not run')
  const [first] = troubles
  if (first)
    return state(
      'bad',
      { paused: 'has stopped', stuck: 'is stuck', died: 'was restarted', lost: 'has lost records' }[first.kind],
    )
  return waitingMs !== null && waitingMs >= 60_000 ? state('bad', 'is behind') : state('good', 'reads')
}
