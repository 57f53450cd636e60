import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { buttonForm, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { facts, foreign, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { path, peopleOf, stateOf, whereTo } from './deliveries-page.ts'
import type { Attempt, DeliveryDetail, OneDelivery, Parked } from './read-deliveries.ts'

/** One message with every attempt to deliver it. */
export function deliveryMain({ delivery, attempts, items }: OneDelivery, said: Html | null, zone: string): Html {
  const { id, at, settled_at, due_at, parked_at, reason, reference, destination_id } = delivery
  const refusal = whyNotAgain(delivery)
  return html`${said}${facts([
    ['State', stateOf(delivery)],
    ['Why', reason !== null && foreign(excerpt(reason, 500))],
    ['People', peopleOf(delivery, 20)],
    ['Where', html`<a href="${path}?destination=${destination_id}#log">${whereTo(delivery)}</a>`],
    [
      'Parked',
      parked_at !== null &&
        html`since ${time(parked_at, zone)}: <a href="/console/destinations/${destination_id}">test or unpark it</a>`,
    ],
    ['Made', time(at, zone)],
    ['Settled', settled_at !== null && time(settled_at, zone)],
    ['Next attempt', due_at !== null && time(due_at, zone)],
    ['Called there', reference !== null && foreign(excerpt(reference, 200))],
    ['Tells of', items.length > 0 && items.map(({ item_id }, n) => itemLink(delivery, item_id, n))],
  ])}
${refusal === null ? html`<p><a class="button plain" href="${path}/${id}/resend">Send it again</a></p>` : html`<p class="small">It cannot be sent again: ${refusal}.</p>`}
<section id="attempts"><h2>Attempts</h2>
${attempts.length > 0 ? attemptTable(attempts, zone) : html`<p>None yet. The notifier sends what is due within seconds; what is parked waits.</p>`}</section>
<section id="message"><h2>Message</h2>
${messageText(delivery)}</section>
<p><a href="${path}">Back to all messages</a></p>`
}

function itemLink({ kind }: DeliveryDetail, id: string, at: number): Html {
  const href = kind === 'news' ? `/console/why/${id}` : `${path}?about=${id}#log`
  return html`${at > 0 && ', '}<a href="${href}">${id}</a>`
}

/** Why a delivery is not sent again; null: it may be. The notifier decides. */
export function whyNotAgain({ state, channel, due_at, is_unsubscribed }: DeliveryDetail): string | null {
  if (state === 'pending') return 'it was not sent yet'
  if (state === 'sending') return 'it is being sent'
  if (state === 'sent' && channel !== 'WEBHOOK') return 'it arrived'
  if (due_at !== null) return 'it is still being looked up'
  return is_unsubscribed ? 'its recipients have unsubscribed' : null
}

function attemptTable(attempts: readonly Attempt[], zone: string): Html {
  const rows = attempts.map(({ at, action, outcome, took_ms, detail }) => [
    { text: time(at, zone), sort: at },
    { text: action === 'find' ? 'Looked up' : 'Sent' },
    { text: outcome },
    { text: took_ms === null ? '–' : `${took_ms} ms`, sort: took_ms ?? 0 },
    { text: detail === null ? '–' : foreign(excerpt(detail, 300)) },
  ])
  const columns = ['Time', 'What', 'Outcome', 'Took', 'Answer'].map((name) => ({ name }))
  return table('Attempts', columns, rows, { isNamed: true, cards: true })
}

/** Shown of a message: a digest has hundreds of lines. */
const mostLines = 30

function messageText({ subject, message: { lines = [], rest = '' } }: DeliveryDetail): Html {
  const more = lines.length - mostLines
  const shown = lines
    .slice(0, mostLines)
    .map(
      ({ title, details = [] }) =>
        html`<li>${foreign(excerpt(title, 300))}${details.slice(0, 10).map((text) => html`<br><small>${foreign(excerpt(text, 300))}</small>`)}</li>`,
    )
  return html`<p><b>${foreign(excerpt(subject, 300))}</b></p>
<ul>${shown}</ul>
${more > 0 && html`<p>${formatCount(more, 'line')} more.</p>`}${rest !== '' && html`<p>${foreign(excerpt(rest, 300))}</p>`}`
}

/** Asks whether to send it again. */
export function resendMain(delivery: DeliveryDetail, zone: string, key: string): Html {
  const { id, state, channel } = delivery
  const risk =
    state === 'unknown'
      ? 'It may have arrived already: then the person gets it twice.'
      : channel === 'WEBHOOK'
        ? 'It is sent with the same webhook-id, by which the receiver knows what it has.'
        : 'It has failed, so nobody has it as far as the channel said. If the channel was wrong, the person gets it twice.'
  return html`${facts([
    ['Message', foreign(excerpt(delivery.subject, 300))],
    ['People', peopleOf(delivery, 20)],
    ['Where', whereTo(delivery)],
    ['State', stateOf(delivery)],
    ['Made', time(delivery.at, zone)],
  ])}
<p>One message is sent again. ${risk} What was sent cannot be taken back.</p>
${postForm(`${path}/${id}/resend`, null, 'Send it again', { key })}
<p><a href="${path}/${id}">Back, without sending it</a></p>`
}

/** A parked destination: test it, or unpark it. */
export function destinationMain(parked: Parked, said: Html | null, zone: string, key: string): Html {
  const { destination_id, since, reason, waiting } = parked
  const address = `/console/destinations/${destination_id}`
  return html`${said}${facts([
    ['Where', whereTo(parked)],
    ['Parked since', time(since, zone)],
    ['Why', foreign(excerpt(reason ?? 'unknown', 500))],
    ['Waiting', formatCount(waiting, 'message')],
  ])}
<h2>Test it first</h2>
<p>One test message is sent there now. If it arrives, the destination is open again and what waits is sent.</p>
${buttonForm(`${address}/test`, 'Send a test message', {}, { id: 'test' })}
<h2>Unpark it without a test</h2>
<p>${waiting > 0 ? `${formatCount(waiting, 'message')} that waited will be sent at once.` : 'Nothing waits.'} If sending fails again, it is parked again by itself.</p>
${postForm(`${address}/unpark`, null, 'Unpark it', { key })}
<p><a href="${path}">Back to all messages</a></p>`
}
