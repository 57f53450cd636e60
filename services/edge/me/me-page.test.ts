import { expect, test } from 'vitest'
import { meMain } from './me-page.ts'
import type { MeView } from './read-me.ts'

const nothing: MeView = {
  detail: {
    ...{ person_id: 7, name: 'Ann', follows: [], mutes: [], quiet_hours: [], digests: [], channels: [], feedback: [] },
  },
  ...{ buckets: [], found: null },
}
const show = (detail: Partial<MeView['detail']>, more: Partial<MeView> = {}) =>
  String(meMain({ view: { ...nothing, ...more, detail: { ...nothing.detail, ...detail } }, q: '<q>', zone: 'UTC' }))

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

test('what is followed here and in parma-web can be ended', () => {
  const page = show({
    follows: [follow, { ...follow, subscription_id: 9, company_id: null, company: null, bucket_id: 3, bucket: 'Fund' }],
  })
  expect(page).toContain('<bdi>&lt;Acme&gt;</bdi>')
  expect(page).toContain('name="company" value="4"')
  expect(page).toContain('name="subscription" value="9"')
  expect(page).toContain('aria-label="Unfollow Fund"')
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
      { bucket_id: null, bucket: null, rhythm: 'weekly', hour: 9, weekday: 5, zone: 'Europe/Berlin', channel_id: null },
    ],
    channels: [
      { channel_id: 3, type: 'EMAIL', destination: 'ann@example.com', purpose: 'NOTIFICATION' },
      { channel_id: 3, type: 'EMAIL', destination: 'ann@example.com', purpose: 'REPORT' },
    ],
  })
  expect(page).toContain('<bdi>stars of Acme</bdi>')
  expect(page).toContain('until it gets worse')
  expect(page).toContain('>1 Dec 2026</time>')
  expect(page).toContain('22:00 to 07:00 Europe/Berlin, Monday, Friday; critical messages wait, too')
  expect(page).toContain('Fridays at 09:00 Europe/Berlin')
  expect(page).toContain('alerts, digests')
  expect(page.match(/Send a test</g)).toHaveLength(1)
})
