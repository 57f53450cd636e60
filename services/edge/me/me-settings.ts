import { excerpt } from '#runtime/text/shorten.ts'
import { describeRhythm, nextDigestAt, weekdays } from '../audience/describe-audience.ts'
import { buttonForm, checkbox, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { type MeMain, type MeView, saidIn } from './read-me.ts'

const zones = Intl.supportedValuesOf('timeZone')

/** Quiet hours, digests and channels. */
export function settings(given: MeMain): Html {
  return html`<datalist id="zones">${zones.map((zone) => html`<option value="${zone}">`)}</datalist>
${quietHours(given)}
${digests(given)}
${channels(given)}`
}

function quietHours(given: MeMain): Html {
  const { view, zone } = given
  const { detail, usual } = view
  const hours = detail.quiet_hours
  const [first] = hours
  const revision = detail.quiet_revision
  const set = hours.map(({ from, to, zone: its, days, hold_critical }) => {
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
${saidIn(given, 'quiet')}
<p>Messages wait until they are over. Pages show times in their zone.</p>
${set.length > 0 ? html`<ul>${set}</ul>` : html`<p>${detail.no_quiet_hours ? 'You want none: messages come at any time.' : describeUsual(usual.get('ALERT_QUIET_HOURS'))}</p>`}
${postForm('/console/me/quiet', fields, first ? 'Change' : 'Set quiet hours', { revision })}
${!detail.no_quiet_hours && buttonForm('/console/me/quiet-none', 'I want no quiet hours', { zone: first?.zone ?? zone, revision }, { look: 'plain' })}
${(first !== undefined || detail.no_quiet_hours) && buttonForm('/console/me/quiet-clear', 'Back to the usual ones', { revision }, { look: 'plain' })}
</section>`
}

function describeUsual(hours: string | undefined): string {
  if (hours === undefined) return 'You have set none, so the usual ones apply.'
  if (hours === 'off') return 'You have set none, and there are no usual ones: messages come at any time.'
  return `You have set none, so the usual ones apply: ${hours.replace('-', ' to ')}, but for critical messages.`
}

const rhythms = { daily: 'Daily', weekly: 'Weekly', monthly: 'Monthly', off: 'None' }

function digests(given: MeMain): Html {
  const { view, zone, now } = given
  const { detail, buckets, plan, usual } = view
  const revision = detail.digest_revision
  const rows = detail.digests.map((digest) => [
    {
      text: digest.bucket_id === null ? 'All that I follow' : foreign(excerpt(digest.bucket ?? 'a deleted bucket', 60)),
    },
    { text: html`${describeRhythm(digest)}${digest.all_quiet ? '; also when all is quiet' : ''}` },
    { text: nextDigest(digest, { zone, now }) },
    {
      text: buttonForm(
        '/console/me/digest-remove',
        'Back to the default',
        { revision, ...(digest.bucket_id !== null && { bucket: String(digest.bucket_id) }) },
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
      String(own?.weekday ?? plan?.weekday ?? 1),
    ),
    choice('hour', 'Time', hours, String(own?.hour ?? plan?.hour ?? 8)),
    input('text', 'zone', 'Time zone', own?.zone ?? zone, { required: true, maxlength: 80, list: 'zones' }),
    checkbox('all_quiet', 'Also when all is quiet', own?.all_quiet ?? usual.get('DIGEST_ALL_QUIET') === 'true'),
  ]
  const columns = [
    { name: 'About' },
    { name: 'When' },
    { name: 'Next' },
    { name: html`<span class="hidden-text">Remove</span>` },
  ]
  return html`<section id="digests"><h2>Digests</h2>
${saidIn(given, 'digests')}
${rows.length > 0 ? table('Digests that I set', columns, rows, { isNamed: true }) : html`<p>You get the usual digest${plan && html` of all that you follow, ${describeRhythm(plan)}, next on ${nextDigest(plan, { zone, now })}`}. Set another one here.</p>`}
${postForm('/console/me/digest', fields, 'Set the digest', { revision })}
${buttonForm('/console/me/preview', 'Preview the next digest', {}, { look: 'plain' })}
</section>`
}

function nextDigest(plan: Parameters<typeof nextDigestAt>[0], { zone, now }: Pick<MeMain, 'zone' | 'now'>): Html {
  const at = nextDigestAt(plan, now)
  return at === null ? html`–` : time(at.getTime(), zone)
}

const channelTypes: Record<string, string> = { EMAIL: 'E-mail', SLACK: 'Slack', WEBHOOK: 'Webhook' }
const purposes: Record<string, string> = { NOTIFICATION: 'alerts', REPORT: 'digests' }

type Channel = MeView['detail']['channels'][number]

const states: Record<NonNullable<Channel['state']>, ['good' | 'late' | 'bad', string]> = {
  open: ['good', 'Nothing wrong is known'],
  failing: ['late', 'The last message failed'],
  parked: ['bad', 'Parked: nothing is sent'],
  unsubscribed: ['bad', 'Unsubscribed: nothing is sent'],
  unusable: ['bad', 'Cannot be used'],
}

function stateOf({ state: is, since, trouble }: Channel, zone: string): Html {
  if (is === null) return state('none', 'No message yet, as far as is known')
  const [kind, text] = states[is]
  const from = since !== null && html` since ${time(since, zone)}`
  return html`${state(kind, html`${text}${from}`)}${trouble !== null && html`<br><small dir="auto">${excerpt(trouble, 200)}</small>`}`
}

function channels(given: MeMain): Html {
  const { view, zone } = given
  const byId = [...Map.groupBy(view.detail.channels, ({ channel_id }) => channel_id).entries()]
  // Two columns, so that on a phone, too, the state is seen.
  const rows = byId.map(([id, [channel, ...others]]) => {
    const { destination, type } = channel!
    const what = [channel!, ...others].map(({ purpose }) => purposes[purpose] ?? purpose).join(', ')
    const test = buttonForm(
      '/console/me/test',
      'Send a test',
      { channel: String(id) },
      { look: 'quiet', label: `Send a test to ${destination}` },
    )
    return [
      { text: html`${foreign(excerpt(destination, 80))}<br><small>${channelTypes[type] ?? type} for ${what}</small>` },
      { text: html`${stateOf(channel!, zone)}<br>${test}` },
    ]
  })
  const columns = [{ name: 'Where' }, { name: 'State' }]
  return html`<section id="channels"><h2>Channels</h2>
${saidIn(given, 'channels')}
${
  rows.length > 0
    ? html`${table('Where you get messages', columns, rows, { isNamed: true })}<p class="small">A test that arrives ends a parking. An administrator ends an unsubscription.</p>`
    : empty(
        'You have no channel, so you get no messages',
        html`The news is still here for you. An administrator adds a channel with <code>npx parma channels add --help</code>, or you add one in parma-web.`,
        { text: 'Read the news', href: '/console' },
      )
}
</section>`
}
