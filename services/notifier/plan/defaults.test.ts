import { describe, expect, test } from 'vitest'
import type { Follower } from '../people/recipients.ts'
import { unlimited } from './alert-limit.ts'
import { chooseRecipients, type NewsItem } from './choose-recipients.ts'
import { readDefaults } from './defaults.ts'
import type { Preferences } from './preferences.ts'
import { planSettings } from './settings.ts'

const always: Preferences = { findMute: () => null, findWorsened: () => [], quietUntil: () => (at) => at }
const news: NewsItem = {
  ...{ news_id: 'a', group_id: 'g', dedupe_key: 'a', company_id: 1, data_source_id: 2, source_measurement_id: 3 },
  ...{ kind: 'threshold', severity: 'info', importance: 0.2, rule_id: 'default/percent' },
}

function followerOf(changes: Partial<Follower> = {}, user_id = 7): Follower {
  return {
    ...{ company_id: 1, user_id, filter: { data_source_id: null, min_severity: 'info', kinds: null } },
    ...{ isChosen: false, zone: null, hasDigests: true, ...changes },
    channel: {
      ...{ company_id: 1, user_id, user_name: 'Ann', channel_type: 'EMAIL', destination: 'ann@example.com' },
      ...{ secret_id: null, through: 'acme' },
    },
  }
}

function choose(changes: Partial<NewsItem>, follower = followerOf(), limit = unlimited) {
  const circumstances = { followers: [follower], preferences: always, limit, importance: 0.3, now: 0, windowMs: 0 }
  const coolDown = { findSame: () => null, add: () => undefined }
  return chooseRecipients([{ ...news, ...changes }], { ...circumstances, coolDown, destinationId: () => 1 })
}

describe('alerts for people who have not chosen what they hear', () => {
  test.each<[string, Partial<NewsItem>, number]>([
    ['hardly important', {}, 0],
    ['important', { importance: 0.3 }, 1],
    ['a warning', { severity: 'warning' }, 1],
    ['of before importance', { importance: null }, 1],
    ["found by a person's rule", { rule_id: 'notification_rules/7' }, 1],
  ])('about what is %s', (_what, changes, count) => expect(choose(changes).items).toHaveLength(count))

  test('say why there is none', () => {
    expect(choose({}).withoutRecipient).toEqual([['a', 'not important enough for an alert, so it stands in digests']])
  })

  test('are all there is where somebody has chosen, or gets no digests', () => {
    for (const follower of [followerOf({ isChosen: true }), followerOf({ hasDigests: false })])
      expect(choose({}, follower).items).toHaveLength(1)
  })

  test('end when there were enough, but for critical ones', () => {
    const full = { perDay: 5, covers: () => true, add: () => undefined }
    expect(choose({ importance: 1 }, followerOf(), full).items).toMatchObject([
      { keptBack: 'its reader has had enough alerts for a day, so it stands in the digest' },
    ])
    expect(choose({ severity: 'critical' }, followerOf(), full).items).toMatchObject([{ keptBack: null }])
  })
})

test('the limit and the quiet hours go by the time zone of each', () => {
  const followers = [
    followerOf({}, 1),
    followerOf({ zone: 'Asia/Tokyo' }, 2),
    followerOf({ isChosen: true }, 3),
    followerOf({ hasDigests: false }, 4),
  ]
  const config = { ALERT_QUIET_HOURS: planSettings.ALERT_QUIET_HOURS.parse(undefined), DIGEST_ZONE: 'Europe/Berlin' }
  const { quietHours, limited } = readDefaults(config, followers)
  expect(limited).toEqual([
    { id: 1, zone: 'Europe/Berlin' },
    { id: 2, zone: 'Asia/Tokyo' },
  ])
  expect(quietHours).toMatchObject({ begins: 20 * 60, ends: 8 * 60 })
  expect([1, 2, 9].map((id) => quietHours?.zoneOf(id))).toEqual(['Europe/Berlin', 'Asia/Tokyo', 'Europe/Berlin'])
  expect(readDefaults({ ...config, ALERT_QUIET_HOURS: null }, followers).quietHours).toBeNull()
})

test.each([
  ['off', null],
  ['22:30-06:00', { begins: 22 * 60 + 30, ends: 6 * 60 }],
])('quiet hours %s', (text, expected) => expect(planSettings.ALERT_QUIET_HOURS.parse(text)).toEqual(expected))

test.each(['', '20-8', '24:00-08:00', '20:00'])('are not %j', (text) => {
  expect(planSettings.ALERT_QUIET_HOURS.safeParse(text).success).toBe(false)
})
