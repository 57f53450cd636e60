import { excerpt } from '#runtime/text/shorten.ts'
import { buttonForm, checkbox, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, table } from '../design/parts.ts'
import type { MeMain, MeView } from './read-me.ts'

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const zones = Intl.supportedValuesOf('timeZone')

/** Quiet hours, digests and channels. */
export function settings(given: MeMain): Html {
  return html`<datalist id="zones">${zones.map((zone) => html`<option value="${zone}">`)}</datalist>
${quietHours(given)}
${digests(given)}
${channels(given)}`
}

function quietHours({ view: { detail }, zone }: MeMain): Html {
  const hours = detail.quiet_hours
  const [first] = hours
  const said = hours.map(({ from, to, zone: its, days, hold_critical }) => {
    const when = days === null ? 'every day' : days.map((one) => weekdays[one - 1]).join(', ')
    return html`<li>${from} to ${to} ${its}, ${when}; ${hold_critical ? 'critical messages wait, too' : 'critical messages come at once'}</li>`
  })
  const fields = [
    input('time', 'from', 'From', first?.from ?? '20:00', { required: true }),
    input('time', 'to', 'To', first?.to ?? '08:00', { required: true }),
    input('text', 'zone', 'Time zone', first?.zone ?? zone, { required: true, maxlength: 80, list: 'zones' }),
    checkbox('hold_critical', 'Hold critical messages, too', first?.hold_critical ?? false),
  ]
  return html`<section id="quiet"><h2>Quiet hours</h2>
<p>Messages wait until they are over. Pages show times in their zone.</p>
${said.length > 0 ? html`<ul>${said}</ul>` : html`<p>You have set none, so the usual ones apply.</p>`}
${postForm('/console/me/quiet', fields, first ? 'Change' : 'Set quiet hours')}
${first && buttonForm('/console/me/quiet-clear', 'Remove quiet hours', {}, { look: 'plain' })}
</section>`
}

type Digest = MeView['detail']['digests'][number]

const rhythms = { daily: 'Daily', weekly: 'Weekly', monthly: 'Monthly', off: 'None' }

function digests({ view: { detail, buckets }, zone }: MeMain): Html {
  const rows = detail.digests.map((digest) => [
    {
      text: digest.bucket_id === null ? 'All that I follow' : foreign(excerpt(digest.bucket ?? 'a deleted bucket', 60)),
    },
    { text: whenText(digest) },
    {
      text: buttonForm(
        '/console/me/digest-remove',
        'Back to the default',
        digest.bucket_id === null ? {} : { bucket: String(digest.bucket_id) },
        { look: 'quiet', label: `Back to the default: ${digest.bucket ?? 'all that I follow'}` },
      ),
    },
  ])
  const own = detail.digests.find(({ bucket_id }) => bucket_id === null)
  const about = [
    { value: '', text: 'All that I follow' },
    ...buckets.map(({ id, name }) => ({ value: String(id), text: excerpt(name, 60) })),
  ]
  const hours = Array.from({ length: 24 }, (_, hour) => ({
    value: String(hour),
    text: `${String(hour).padStart(2, '0')}:00`,
  }))
  const fields = [
    choice('bucket', 'About', about, ''),
    choice(
      'rhythm',
      'How often',
      Object.entries(rhythms).map(([value, text]) => ({ value, text })),
      own?.rhythm ?? 'weekly',
    ),
    choice(
      'weekday',
      'Day of a weekly one',
      weekdays.map((text, at) => ({ value: String(at + 1), text })),
      String(own?.weekday ?? 1),
    ),
    choice('hour', 'Time', hours, String(own?.hour ?? 8)),
    input('text', 'zone', 'Time zone', own?.zone ?? zone, { required: true, maxlength: 80, list: 'zones' }),
  ]
  const columns = [{ name: 'About' }, { name: 'When' }, { name: html`<span class="hidden-text">Remove</span>` }]
  return html`<section id="digests"><h2>Digests</h2>
${rows.length > 0 ? table('Digests that I set', columns, rows, { isNamed: true }) : html`<p>You get the usual digest. Set another one here.</p>`}
${postForm('/console/me/digest', fields, 'Set the digest')}
${buttonForm('/console/me/preview', 'Preview the next digest', {}, { look: 'plain' })}
</section>`
}

function whenText({ rhythm, hour, weekday, zone }: Digest): string {
  if (rhythm === 'off') return 'none'
  const time = `${String(hour).padStart(2, '0')}:00 ${zone}`
  if (rhythm === 'weekly') return `${weekdays[weekday - 1]}s at ${time}`
  return rhythm === 'daily' ? `every day at ${time}` : `on the first of a month at ${time}`
}

const channelTypes: Record<string, string> = { EMAIL: 'E-mail', SLACK: 'Slack', WEBHOOK: 'Webhook' }
const purposes: Record<string, string> = { NOTIFICATION: 'alerts', REPORT: 'digests' }

function channels({ view: { detail } }: MeMain): Html {
  const byId = [...Map.groupBy(detail.channels, ({ channel_id }) => channel_id).entries()]
  const rows = byId.map(([id, [channel, ...others]]) => [
    { text: foreign(excerpt(channel!.destination, 80)) },
    { text: channelTypes[channel!.type] ?? channel!.type },
    { text: [channel!, ...others].map(({ purpose }) => purposes[purpose] ?? purpose).join(', ') },
    {
      text: buttonForm(
        '/console/me/test',
        'Send a test',
        { channel: String(id) },
        { look: 'quiet', label: `Send a test to ${channel!.destination}` },
      ),
    },
  ])
  const columns = [
    { name: 'Where' },
    { name: 'Kind' },
    { name: 'For' },
    { name: html`<span class="hidden-text">Test</span>` },
  ]
  return html`<section id="channels"><h2>Channels</h2>
${
  rows.length > 0
    ? table('Where you get messages', columns, rows, { isNamed: true })
    : empty(
        'You have no channel, so you get no messages',
        html`The news is still here for you. An administrator adds a channel with <code>npx parma channels add --help</code>, or you add one in parma-web.`,
        { text: 'Read the news', href: '/console' },
      )
}
</section>`
}
