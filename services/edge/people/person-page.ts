import { excerpt } from '#runtime/text/shorten.ts'
import { weekdays } from '../audience/describe-audience.ts'
import { askForm, buttonForm, checkbox, choice, input, postForm } from '../design/forms.ts'
import { type Content, html, type Html } from '../design/html.ts'
import { foreign, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { digestPart } from './digest-part.ts'
import { path } from './people-page.ts'
import type { Heard, PersonView } from './read-people.ts'

type Detail = PersonView['detail']
type PersonMain = { view: PersonView; deliveries: Html | null; said: Html | null; zone: string }

/** Who a person is to the notifier: what they follow, where they get it, and what they got lately. */
export function personMain({ view: { detail, heard }, deliveries, said, zone }: PersonMain): Html {
  const base = `${path}/${detail.person_id}`
  return html`${said}<nav aria-label="On this page" class="toc"><a href="#follow">Follows</a> <a href="#channels">Channels</a> <a href="#quiet">Quiet hours</a> <a href="#mutes">Mutes</a> <a href="#digests">Digests</a> <a href="#heard">Heard</a></nav>
${followPart(detail, base)}
${channelPart(detail, base, zone)}
${quietPart(detail, base, zone)}
${mutePart(detail, base, zone)}
${digestPart(detail, base, zone)}
<section id="heard"><h2>What they heard lately, and why</h2>
${heard.length > 0 ? heardTable(heard, detail.person_id, zone) : html`<p>Of no news item yet. They hear of news of companies that they follow.</p>`}
${deliveries && html`<h3>Messages</h3>${deliveries}`}
<p><a href="/console/deliveries?person=${detail.person_id}#log">All messages to this person</a></p></section>
<p><a href="${path}">Back to all people</a></p>`
}

const hidden = (text: string) => ({ name: html`<span class="hidden-text">${text}</span>` })

function followPart({ follows }: Detail, base: string): Html {
  const rows = follows.slice(0, 100).map((one) => {
    const name = excerpt(one.company ?? one.bucket ?? 'everything', 80)
    const fields: Record<string, string> =
      one.subscription_id === null ? { company: String(one.company_id) } : { subscription: String(one.subscription_id) }
    return [
      { text: foreign(name) },
      { text: one.company_id !== null ? 'Company' : one.bucket_id !== null ? 'Bucket' : 'Everything' },
      { text: one.min_severity === 'info' ? '–' : `from ${one.min_severity} on` },
      {
        text: askForm(
          `${base}/unfollow`,
          {
            ...{ step: 'End', label: `End following ${name}` },
            text: 'They get no more messages because of it. Letting them follow it again undoes that.',
          },
          fields,
        ),
      },
    ]
  })
  const columns = [{ name: 'Name' }, { name: 'What' }, { name: 'Only' }, hidden('End')]
  const fields = [
    input('number', 'company', 'Company (id)', undefined),
    input('number', 'bucket', 'or bucket (id)', undefined, { hint: 'Searching in the header shows ids in addresses.' }),
  ]
  return html`<section id="follow"><h2>Follows</h2>
${rows.length > 0 ? table('What they follow', columns, rows, { isNamed: true, cards: true }) : html`<p>Nothing: they get no alerts.</p>`}
${follows.length > rows.length && html`<p class="small">${follows.length - rows.length} more are not shown.</p>`}
${postForm(`${base}/follow`, fields, 'Let them follow it')}</section>`
}

const channelStates = {
  open: ['good', 'Nothing wrong is known'],
  failing: ['late', 'The last message failed'],
  parked: ['bad', 'Parked: nothing is sent'],
  unsubscribed: ['bad', 'Unsubscribed: nothing is sent'],
  unusable: ['bad', 'Cannot be used'],
} as const
const purposes: Record<string, string> = { NOTIFICATION: 'alerts', REPORT: 'digests' }

function channelPart({ channels }: Detail, base: string, zone: string): Html {
  const only = channels.length === 1 ? ' It is their only channel.' : ''
  const leaving = `Nothing more is sent there.${only} Adding the channel again undoes that.`
  const rows = channels.map(({ channel_id, type, destination, purpose, state: is, since, trouble }) => {
    const [kind, text] = is === null ? (['none', 'No message yet'] as const) : channelStates[is]
    const fields = { channel: String(channel_id) }
    const label = excerpt(destination, 80)
    return [
      { text: foreign(label) },
      { text: type },
      { text: purposes[purpose] ?? purpose },
      {
        text: html`${state(kind, text)}${since !== null && html` since ${time(since, zone)}`}${trouble !== null && html`<br><small dir="auto">${excerpt(trouble, 200)}</small>`}`,
      },
      { text: buttonForm(`${base}/test`, 'Test', fields, { look: 'quiet', label: `Send a test to ${label}` }) },
      { text: askForm(`${base}/leave`, { step: 'End', label: `End messages to ${label}`, text: leaving }, fields) },
    ]
  })
  const columns = [
    { name: 'Where' },
    { name: 'Kind' },
    { name: 'For' },
    { name: 'State' },
    hidden('Test'),
    hidden('End'),
  ]
  const fields = [
    choice(
      'type',
      'Kind',
      ['EMAIL', 'SLACK', 'WEBHOOK'].map((value) => ({ value, text: value })),
      'EMAIL',
    ),
    input('text', 'destination', 'Address, Slack channel or URL', undefined, { required: true, maxlength: 2000 }),
    choice(
      'purpose',
      'For',
      Object.entries(purposes).map(([value, text]) => ({ value, text })),
      'NOTIFICATION',
    ),
    input('text', 'secret', 'Name of its secret (not for e-mail)', undefined, { maxlength: 200 }),
  ]
  return html`<section id="channels"><h2>Channels</h2>
${rows.length > 0 ? table('Where they get messages', columns, rows, { isNamed: true, cards: true }) : html`<p>None: they get no messages. Add one here.</p>`}
${postForm(`${base}/channel`, fields, 'Add the channel')}</section>`
}

function quietPart(
  { quiet_hours: hours, no_quiet_hours, quiet_revision: revision }: Detail,
  base: string,
  zone: string,
): Html {
  const said = hours.map(({ from, to, zone: its, days, hold_critical }) => {
    const when = days === null ? 'every day' : days.map((one) => weekdays[one - 1]).join(', ')
    return html`<li>${from} to ${to} ${its}, ${when}; critical messages ${hold_critical ? 'wait, too' : 'come at once'}</li>`
  })
  const [first] = hours
  const fields = [
    input('time', 'from', 'From', first?.from ?? '20:00', { required: true }),
    input('time', 'to', 'To', first?.to ?? '08:00', { required: true }),
    input('text', 'zone', 'Time zone', first?.zone ?? zone, { required: true, maxlength: 80 }),
    checkbox('hold_critical', 'Hold critical messages, too', first?.hold_critical ?? false),
  ]
  const none = no_quiet_hours
    ? 'They want none: messages come at any time.'
    : 'They have set none: the usual ones apply.'
  return html`<section id="quiet"><h2>Quiet hours</h2>
${said.length > 0 ? html`<ul>${said}</ul>` : html`<p>${none}</p>`}
${postForm(`${base}/quiet`, fields, 'Set quiet hours', { revision })}
${(said.length > 0 || no_quiet_hours) && buttonForm(`${base}/quiet-clear`, 'Back to the usual ones', { revision }, { look: 'plain' })}</section>`
}

function mutePart({ mutes }: Detail, base: string, zone: string): Html {
  const rows = mutes.map((mute) => [
    {
      text: foreign(
        excerpt(
          [mute.measurement, mute.item_key, mute.company, mute.bucket].filter(Boolean).join(' of ') || 'Everything',
          120,
        ),
      ),
    },
    {
      text: mute.until_worse
        ? 'until it gets worse'
        : mute.until === null
          ? 'for good'
          : html`until ${time(mute.until, zone)}`,
    },
    {
      text: buttonForm(
        `${base}/unmute`,
        'End',
        { mute: String(mute.mute_id) },
        { look: 'quiet', label: `End the mute ${mute.mute_id}` },
      ),
    },
  ])
  return html`<section id="mutes"><h2>Mutes</h2>
${rows.length > 0 ? table('What is muted', [{ name: 'What' }, { name: 'How long' }, hidden('End')], rows, { isNamed: true, cards: true }) : html`<p>Nothing is muted.</p>`}</section>`
}

const ways = { alert: 'Alert', left_out: 'No alert', digest: 'Digest' } as const

function heardTable(heard: readonly Heard[], person: number, zone: string): Html {
  const rows = heard.map(({ news_id, way, reason, at, state: is, channel, through }) => [
    { text: html`<a href="/console/why/${news_id}?person=${person}#heard">Why</a>` },
    { text: time(at, zone) },
    { text: ways[way] },
    { text: wordsOf(is, reason) },
    { text: channel ?? '–' },
    { text: through === null || through.length === 0 ? '–' : foreign(excerpt(through.join(', '), 120)) },
  ])
  const columns = ['News item', 'Time', 'Way', 'State', 'Channel', 'As they follow'].map((name) => ({ name }))
  return table('What they heard', columns, rows, { isNamed: true, cards: true })
}

function wordsOf(is: string | null, reason: string | null): Content {
  return (
    [is, reason]
      .filter((one) => one !== null)
      .join(': ')
      .replaceAll('_', ' ') || '–'
  )
}
