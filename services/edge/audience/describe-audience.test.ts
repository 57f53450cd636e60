import { describe, expect, test } from 'vitest'
import { describeAudience, describeRhythm, nextDigestAt } from './describe-audience.ts'
import type { Audience, Way } from './read-audience.ts'

const at = '2026-11-28T10:00:00.000Z'
const now = Date.parse(at) + 3_600_000
const news: Audience['news'] = {
  ...{ news_id: 'n', title: 'Stars rose', company: { id: 1, name: 'Acme' }, created_at: at, silent: false },
  ...{ withheld: false, received_at: at, decided_at: at, decided_from: null, nobody: null, has_reasons: true },
}
const digests = { rhythm: 'weekly', hour: 8, weekday: 1, zone: 'Europe/Berlin', is_default: true } as const
const way = (changes: Partial<Way>): Way => ({
  ...{ way: 'alert', reason: null, facts: { through: ['acme'] }, at, channel: 'EMAIL', address: 'ann@x.example' },
  ...{ state: 'sent', trouble: null, state_at: at, is_held: false, held_until: null, problem: null, parked_at: null },
  ...{ parked_reason: null, unsubscribed_at: null, bucket: null, ...changes },
})
const leftOut = (reason: string, facts: Way['facts'] = {}) =>
  way({ way: 'left_out', reason, facts, channel: null, address: null, state: null, state_at: null })

function say(ways: Way[], changes: Partial<Audience['news']> = {}, follows = true, reader: number | null = 7) {
  const audience: Audience = {
    ...{ news: { ...news, ...changes }, person: { person_id: 7, name: 'Ann', follows }, ways, digests },
  }
  const { told, lines } = describeAudience(audience, now, reader)
  const text = lines.map(({ state, parts }) => {
    const said = parts.map((part) =>
      typeof part === 'string' ? part : 'at' in part ? part.at.slice(0, 10) : part.news,
    )
    return `${state}: ${said.join('')}`
  })
  return { told, first: text[0], last: text.at(-1) }
}

describe('an alert', () => {
  test.each<[string, Partial<Way>, string, RegExp]>([
    ['sent', {}, 'yes', /^good: Alert by e-mail to ann@x.example: sent on 2026-11-28. It was followed through acme.$/],
    ['sent late', { held_until: at }, 'yes', /Quiet hours held it until 2026-11-28\./],
    ['sent sooner', { held_until: '2026-11-29T08:00:00.000Z' }, 'yes', /it was sent before they ended/],
    ['held', { state: 'waiting', is_held: true }, 'not_yet', /^late: .*quiet hours hold it until 2026-11-28\./],
    ['bundled', { state: 'waiting' }, 'not_yet', /waits for more about the company until/],
    ['tried', { state: 'pending', trouble: '451 later' }, 'not_yet', /not be sent yet: 451 later\. The next try is on/],
    ['failed', { state: 'failed', trouble: '550 no' }, 'no', /^bad: .*failed on 2026-11-28: 550 no\.$/],
    ['lost', { state: 'unknown', trouble: 'cut' }, 'unknown', /^late: .*not known whether it arrived: cut\.$/],
    ['parked', { state: 'pending', parked_at: at, parked_reason: 'gone' }, 'no', /^bad: .*parked since .*: gone\./],
    ['unsubscribed', { state: 'pending', unsubscribed_at: at }, 'no', /^bad: .*unsubscribed from all e-mails/],
  ])('%s', (_, changes, told, text) => {
    const said = say([way(changes)])
    expect(said.told).toBe(told)
    expect(said.first).toMatch(text)
  })
})

describe('no alert', () => {
  const mute = (created_by: string | null) => ({ mute: { mute_id: 3, created_at: Date.parse(at), created_by } })
  test.each<[Way[], Partial<Audience['news']>, string, RegExp]>([
    [[leftOut('muted', mute('person:7'))], {}, 'no', /muted by mute 3, set on 2026-11-28 \(by you\)/],
    [[leftOut('muted', mute('link:7'))], {}, 'no', /\(by you, with a link in a message\)/],
    [[leftOut('muted', mute('cli:olga'))], {}, 'no', /\(by cli:olga\)/],
    [[leftOut('muted', mute(null))], {}, 'no', /\(it was not recorded by whom\)/],
    [[leftOut('unimportant', { importance: 0.21, least: 0.3 })], {}, 'no', /importance of 0.21 is below 0.3,/],
    [[leftOut('daily_limit', { per_day: 5 })], {}, 'no', /5 alerts on that day/],
    [[leftOut('cool_down', { news_id: 'other' })], {}, 'no', /shortly before, by other\.$/],
    [[leftOut('no_channel')], {}, 'no', /no channel/],
    [[leftOut('uncovered')], {}, 'no', /no subscription covered/],
    [[], {}, 'no', /not followed when the news item came. It is followed now\.$/],
    [[], { has_reasons: false }, 'unknown', /before it was recorded/],
    [[], { has_reasons: false, nobody: 'it is unverified' }, 'no', /for anybody: it is unverified\.$/],
    [[], { silent: true, received_at: null, decided_at: null }, 'no', /it is silent/],
    [[], { withheld: true, received_at: null, decided_at: null }, 'no', /withheld/],
    [[], { received_at: null, decided_at: null, has_reasons: false }, 'no', /not come to the notifier/],
    [[], { decided_at: null, has_reasons: false, decided_from: at }, 'not_yet', /decided on 2026-11-28/],
  ])('%j %j', (ways, changes, told, text) => {
    const said = say(ways, changes)
    expect(said.first).toMatch(text)
    expect(said.told).toBe(told)
  })
})

describe('a digest', () => {
  const of = (changes: Partial<Way>) => way({ way: 'digest', facts: { period: '2026-W48', bucket_id: 0 }, ...changes })
  test('that has it tells of it, whatever the alert did', () => {
    expect(say([leftOut('no_channel'), of({})])).toMatchObject({ told: 'yes' })
    expect(say([of({ state: null })]).last).toBe('good: Digest of 2026-W48: it is in it, made on 2026-11-28.')
    expect(say([of({ state: 'failed', trouble: 'no' })])).toMatchObject({ told: 'no' })
  })

  test('whose time zone nobody knows has no date', () => {
    expect(nextDigestAt({ ...digests, zone: 'Mars' }, now)).toBe(null)
    expect(nextDigestAt({ ...digests, rhythm: 'off' }, now)).toBe(null)
  })

  test('that is still to come is named with its time, unless it is not known whether there was one', () => {
    expect(say([leftOut('no_channel')]).last).toContain('due on 2026-11-30 (Mondays at 08:00 Europe/Berlin). It')
    expect(say([], {}, false).last).toContain('not followed now')
    expect(say([], { received_at: '2026-10-01T00:00:00.000Z' }).last).toContain('45 days only')
    expect(describeRhythm({ ...digests, rhythm: 'daily' })).toBe('every day at 08:00 Europe/Berlin')
  })
})
