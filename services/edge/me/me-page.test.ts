import { expect, test } from 'vitest'
import { html } from '../design/html.ts'
import { meMain } from './me-page.ts'
import type { MeView } from './read-me.ts'

const now = Date.parse('2026-11-28T12:00:00Z')

const nothing: MeView = {
  detail: {
    ...{ person_id: 7, name: 'Ann', follows: [], mutes: [], quiet_hours: [], digests: [], channels: [], feedback: [] },
    no_quiet_hours: false,
    quiet_revision: '0',
    digest_revision: '0 ',
  },
  ...{ buckets: [], found: null, plan: null, usual: new Map(), feeds: null },
}
const show = (detail: Partial<MeView['detail']>, more: Partial<MeView> = {}) =>
  String(
    meMain({ view: { ...nothing, ...more, detail: { ...nothing.detail, ...detail } }, q: '<q>', zone: 'UTC', now }),
  )

const follow = {
  ...{ subscription_id: null, company_id: 4, company: '<Acme>', bucket_id: null, bucket: null },
  ...{ data_source_id: null, min_severity: 'info' as const, kinds: null, channel_id: null },
}

test('who follows nothing and has no channel reads what to do', () => {
  const page = show({})
  expect(page).toContain('You follow nothing yet')
  expect(page).toContain('You have no channel, so you get no messages')
  expect(page).toContain('value="&lt;q&gt;"')
})

test('what became of a form stands where the form is', () => {
  const shown = (part?: 'quiet') =>
    String(meMain({ view: nothing, q: undefined, zone: 'UTC', now, said: { text: html`<p>Done</p>`, part } }))
  expect(shown()).toMatch(/^<p>Done<\/p>/)
  expect(shown('quiet')).toMatch(/<h2>Quiet hours<\/h2>\s*<p>Done<\/p>/)
  expect(shown('quiet').match(/Done/g)).toHaveLength(1)
})

test('what is followed here and in parma-web can be ended', () => {
  const page = show({
    follows: [follow, { ...follow, subscription_id: 9, company_id: null, company: null, bucket_id: 3, bucket: 'Fund' }],
  })
  expect(page).toContain('<bdi>&lt;Acme&gt;</bdi>')
  expect(page).toContain('name="company" value="4"')
  expect(page).toContain('name="subscription" value="9"')
  expect(page).toContain('aria-label="Unfollow Fund"')
})

test('the next digest is told as a date in the zone of the page', () => {
  const weekly = { rhythm: 'weekly', hour: 8, weekday: 1, zone: 'Europe/Berlin' } as const
  const plan = { ...weekly, is_default: true }
  expect(show({}, { plan })).toContain('title="2026-11-30T07:00:00.000Z">30 Nov 2026, 07:00<')
  const digests = [{ ...weekly, bucket_id: null, bucket: null, channel_id: null, all_quiet: false }]
  expect(show({ digests })).toContain('title="2026-11-30T07:00:00.000Z">30 Nov 2026, 07:00<')
  expect(show({ digests: [{ ...digests[0]!, rhythm: 'off' }] })).not.toContain('2026-11-30')
})

test('a company that was found can be followed, unless it is', () => {
  const page = show(
    { follows: [follow] },
    {
      found: [
        { id: 4, name: 'Acme' },
        { id: 5, name: 'Acer' },
      ],
    },
  )
  expect(page).toContain('You follow it')
  expect(page).toContain('aria-label="Follow Acer"')
  expect(show({}, { found: [] })).toContain('No company that you may see')
})

const channel = {
  ...{ channel_id: 3, type: 'EMAIL', destination: 'ann@example.com', purpose: 'REPORT' },
  ...{ state: null, since: null, trouble: null },
}

test('mutes, quiet hours, digests and channels say what is set', () => {
  const mute = {
    ...{ mute_id: 1, company_id: 4, company: 'Acme', bucket_id: null, bucket: null, data_source_id: null },
    ...{ source_measurement_id: 2, measurement: 'stars', subject_key: '', item_key: '', below: null },
  }
  const page = show({
    mutes: [
      { ...mute, until: null, until_worse: true },
      { ...mute, until: '2026-12-01T00:00:00.000Z', until_worse: false },
    ],
    quiet_hours: [{ zone: 'Europe/Berlin', from: '22:00', to: '07:00', days: [1, 5], hold_critical: true }],
    digests: [
      {
        ...{ bucket_id: null, bucket: null, rhythm: 'weekly', hour: 9, weekday: 5, zone: 'Europe/Berlin' },
        ...{ channel_id: null, all_quiet: true },
      },
    ],
    channels: [
      { ...channel, purpose: 'NOTIFICATION' },
      { ...channel, purpose: 'REPORT' },
    ],
  })
  expect(page).toContain('<bdi>stars of Acme</bdi>')
  expect(page).toContain('until it gets worse')
  expect(page).toContain('>1 Dec 2026</time>')
  expect(page).toContain('22:00 to 07:00 Europe/Berlin, Monday, Friday; critical messages wait, too')
  expect(page).toContain('Fridays at 09:00 Europe/Berlin; also when all is quiet')
  expect(page).toContain('alerts, digests')
  expect(page.match(/Send a test</g)).toHaveLength(1)
})

test('whoever has set nothing reads what holds then, and nothing that is not known', () => {
  const usual = new Map([
    ['ALERT_QUIET_HOURS', '20:00-08:00'],
    ['DIGEST_ALL_QUIET', 'true'],
  ])
  const plan = { rhythm: 'weekly', hour: 8, weekday: 1, zone: 'Europe/Berlin', is_default: true } as const
  const page = show({}, { usual, plan })
  expect(page).toContain('the usual ones apply: 20:00 to 08:00, but for critical messages')
  expect(page).toContain('Mondays at 08:00 Europe/Berlin')
  expect(page).toContain('name="all_quiet" value="on" checked')
  expect(show({}, { usual: new Map([['ALERT_QUIET_HOURS', 'off']]) })).toContain('messages come at any time')
  expect(show({})).toContain('You have set none, so the usual ones apply.')
})

test('whoever wants no quiet hours reads so, and goes back to the usual ones', () => {
  const page = show({ no_quiet_hours: true })
  expect(page).toContain('You want none: messages come at any time.')
  expect(page).toContain('Back to the usual ones')
  expect(page).not.toContain('I want no quiet hours')
})

test.each([
  ['parked', 'Parked: nothing is sent since <time'],
  ['unsubscribed', 'Unsubscribed: nothing is sent since <time'],
  ['failing', 'The last message failed'],
  ['unusable', '<small dir="auto">&lt;gone&gt;</small>'],
  ['open', 'Nothing wrong is known'],
] as const)('a channel that is %s says so', (state, text) => {
  const page = show({ channels: [{ ...channel, state, since: '2026-11-28T10:00:00.000Z', trouble: '<gone>' }] })
  expect(page).toContain(text)
})

test('feeds are shown with a way to end them, or it is said what lacks', () => {
  const page = show(
    {},
    { feeds: ['All that I follow', '<Fund>'].map((name) => ({ name, address: 'https://x/a?b&c' })) },
  )
  expect(page).toContain('value="https://x/a?b&amp;c" readonly')
  expect(page).toContain('<bdi>&lt;Fund&gt;</bdi>')
  expect(page).toContain('href="/console/feeds/revoke"')
  expect(show({})).toContain('Feeds are not set up here')
})
