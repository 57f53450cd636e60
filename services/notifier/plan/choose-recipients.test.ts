import { expect, test } from 'vitest'
import type { Follower } from '../people/recipients.ts'
import type { AlertLimit } from './alert-limit.ts'
import { chooseRecipients, type NewsItem } from './choose-recipients.ts'
import type { Preferences } from './preferences.ts'

const item = (news_id: string, changes: Partial<NewsItem> = {}): NewsItem => ({
  ...{ news_id, group_id: news_id, dedupe_key: news_id, company_id: 1, data_source_id: 2, source_measurement_id: 3 },
  ...{ kind: 'threshold', severity: 'info', importance: 0.2, rule_id: 'default/percent', ...changes },
})

/** Somebody with one channel, or none; `destination`: where it leads. */
function follower(user_id: number, changes: Partial<Follower> = {}, destination = `${user_id}@x.example`): Follower {
  return {
    ...{ company_id: 1, user_id, filter: { data_source_id: null, min_severity: 'info', kinds: null } },
    ...{ isChosen: true, zone: null, hasDigests: true },
    channel: {
      ...{ company_id: 1, user_id, user_name: `${user_id}`, channel_type: 'EMAIL', destination },
      ...{ secret_id: null, through: 'acme' },
    },
    ...changes,
  }
}

const mute = { mute_id: 9, created_at: 0, created_by: 'person:4' }
const preferences: Preferences = {
  findMute: (userId) => (userId === 4 ? mute : null),
  findWorsened: () => [],
  quietUntil: () => (at) => at,
}
const limit: AlertLimit = { perDay: 5, covers: (userId) => userId === 5, add: () => undefined }
const coolDown = {
  findSame: ({ destination_id }: { destination_id: number }) => (destination_id === 6 ? 'before' : null),
  add: () => undefined,
}
const leftOut = (news: NewsItem, followers: Follower[]) =>
  chooseRecipients([news], {
    ...{ followers, preferences, limit, coolDown, importance: 0.3, now: 0, windowMs: 0 },
    destinationId: ({ destination }) => Number(destination.split('@')[0]),
  }).leftOut.get(news.news_id)

const critical = { data_source_id: null, min_severity: 'critical', kinds: null } as const

test('it is said of everybody who follows a company why they get no alert', () => {
  const followers = [
    follower(1),
    follower(2, { filter: critical }),
    follower(3, { isChosen: false }),
    follower(4),
    follower(5),
    follower(6),
    follower(7, { channel: null }),
    follower(8, { isChosen: false }),
  ]
  expect(leftOut(item('a'), followers)).toEqual([
    { reason: 'uncovered', people: [2] },
    { reason: 'unimportant', importance: 0.2, least: 0.3, people: [3, 8] },
    { reason: 'muted', mute, people: [4] },
    { reason: 'daily_limit', per_day: 5, people: [5] },
    { reason: 'cool_down', news_id: 'before', people: [6] },
    { reason: 'no_channel', people: [7] },
  ])
})

test('whoever gets it by one way is not left out, also where another does not lead to an alert', () => {
  const twice = [follower(1, { filter: critical }), follower(1), follower(6, {}, '6@x'), follower(6, {}, '1@x')]
  expect(leftOut(item('a'), twice)).toEqual([])
})

test('of several who share a destination those who muted it are left out', () => {
  const shared = [follower(1, {}, '1@x'), follower(4, {}, '1@x'), follower(5, {}, '1@x')]
  expect(leftOut(item('a'), shared)).toEqual([
    { reason: 'muted', mute, people: [4] },
    { reason: 'daily_limit', per_day: 5, people: [5] },
  ])
})

test('nobody is left out where nobody follows', () => expect(leftOut(item('a'), [])).toEqual([]))
