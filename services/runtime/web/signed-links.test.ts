import { expect, test } from 'vitest'
import {
  actionLink,
  checkActionLink,
  checkSignInLink,
  checkFeedLink,
  checkUnsubscribeLink,
  checkWhyLink,
  makeFeedLink,
  makeSignInLink,
  makeUnsubscribeLink,
  makeWhyLink,
} from './signed-links.ts'

const settings = { PUBLIC_URL: 'https://parma.example/api/', LINK_SECRET: 's'.repeat(32) }
const until = Date.parse('2026-12-24T10:00:00Z')
const id = '8517922a-a7f2-537f-895f-9e49f6bed872'

function parts(link: string | null): { until: string; signature: string } {
  const { searchParams } = new URL(link ?? '')
  return { until: searchParams.get('until') ?? '', signature: searchParams.get('signature') ?? '' }
}

test('a link is good until its time, for its news, and with its secret', () => {
  const link = makeWhyLink(settings, id, until)
  expect(link).toMatch(new RegExp(`^https://parma.example/api/why/${id}\\?until=\\d+&signature=[\\w-]{43}$`))
  const asked = parts(link)
  expect(checkWhyLink(settings.LINK_SECRET, id, asked, until - 1)).toBe('good')
  expect(checkWhyLink(settings.LINK_SECRET, id, asked, until)).toBe('expired')
  expect(checkWhyLink('t'.repeat(32), id, asked, 0)).toBe('forged')
  expect(checkWhyLink(settings.LINK_SECRET, id.replace('8', '9'), asked, 0)).toBe('forged')
})

test.each([
  [{ until: '9999999999' }],
  [{ until: '' }],
  [{ signature: '' }],
  [{ signature: 'é'.repeat(43) }],
  [{ signature: `${'a'.repeat(43)}` }],
])('forged: %o', (changes) => {
  const asked = { ...parts(makeWhyLink(settings, id, until)), ...changes }
  expect(checkWhyLink(settings.LINK_SECRET, id, asked, 0)).toBe('forged')
})

test('there is no link where the edge has no address for people, or no secret', () => {
  expect(makeWhyLink({ PUBLIC_URL: settings.PUBLIC_URL }, id, until)).toBe(null)
  expect(makeWhyLink({ LINK_SECRET: settings.LINK_SECRET }, id, until)).toBe(null)
})

test('a link that ends e-mails is good for ever, for its mail alone', () => {
  const mail = { notificationId: id, deliveryId: 12 }
  const link = makeUnsubscribeLink(settings, mail)
  expect(link).toMatch(new RegExp(`^https://parma.example/api/unsubscribe/${id}/12\\?signature=[\\w-]{43}$`))
  const { signature } = parts(link)
  expect(checkUnsubscribeLink(settings.LINK_SECRET, { ...mail, deliveryId: '12' }, { signature })).toBe('good')
  expect(checkUnsubscribeLink(settings.LINK_SECRET, { ...mail, deliveryId: 13 }, { signature })).toBe('forged')
  expect(checkUnsubscribeLink('t'.repeat(32), mail, { signature })).toBe('forged')
  expect(checkUnsubscribeLink(settings.LINK_SECRET, mail, { signature, until: '9999999999' })).toBe('forged')
})

test('a link to act is good until its time, for its person, news item and action alone', () => {
  const act = { person: 17, newsId: id, action: 'mute-series' } as const
  const link = actionLink(settings, act, until)
  expect(link).toMatch(
    new RegExp(`^https://parma.example/api/act/17/${id}/mute-series\\?until=\\d+&signature=[\\w-]{43}$`),
  )
  const asked = parts(link)
  const check = (changes: object, now = until - 1) =>
    checkActionLink(settings.LINK_SECRET, { ...act, ...changes }, asked, now)
  expect(check({})).toBe('good')
  expect(check({}, until)).toBe('expired')
  expect([check({ person: 18 }), check({ newsId: id.replace('8', '9') }), check({ action: 'useful' })]).toEqual(
    Array(3).fill('forged'),
  )
  expect(actionLink({}, act, until)).toBe(null)
})

test('the address of a feed is good for its person, version and subject alone', () => {
  const feed = { person: 1, version: 1, subject: 'all' } as const
  const link = makeFeedLink(settings, feed)
  expect(link).toMatch(/^https:\/\/parma.example\/api\/feeds\/1\/1\/all\?signature=[\w-]{43}$/)
  const { signature } = parts(link)
  expect(checkFeedLink(settings.LINK_SECRET, feed, { signature })).toBe('good')
  for (const other of [{ person: 2 }, { version: 2 }, { subject: 'company-1' as const }])
    expect(checkFeedLink(settings.LINK_SECRET, { ...feed, ...other }, { signature })).toBe('forged')
})

test('a link to sign in is good for its row alone', () => {
  const link = makeSignInLink(settings, id)
  expect(link).toMatch(new RegExp(`^https://parma.example/api/console/sign-in/link/${id}\\?signature=[\\w-]{43}$`))
  const { signature } = parts(link)
  expect(checkSignInLink(settings.LINK_SECRET, id, { signature })).toBe('good')
  expect(checkSignInLink(settings.LINK_SECRET, id.replace('8', '9'), { signature })).toBe('forged')
  expect(checkUnsubscribeLink(settings.LINK_SECRET, { notificationId: id, deliveryId: 1 }, { signature })).toBe(
    'forged',
  )
})

test('with two secrets the first signs and both verify', () => {
  const [old, fresh] = [settings.LINK_SECRET, 'n'.repeat(32)]
  const mail = { notificationId: id, deliveryId: 12 }
  const both = `${fresh}, ${old}`
  const before = parts(makeWhyLink(settings, id, until))
  expect(checkWhyLink(both, id, before, 0)).toBe('good')
  expect(checkWhyLink(both, id, before, until)).toBe('expired')
  const unsubscribe = parts(makeUnsubscribeLink(settings, mail))
  expect(checkUnsubscribeLink(both, mail, { signature: unsubscribe.signature })).toBe('good')
  const after = parts(makeWhyLink({ ...settings, LINK_SECRET: both }, id, until))
  expect(checkWhyLink(both, id, after, 0)).toBe('good')
  expect(checkWhyLink(fresh, id, after, 0)).toBe('good')
  expect(checkWhyLink(old, id, after, 0)).toBe('forged')
  expect(checkWhyLink(`${fresh},`, id, { ...before, signature: '' }, 0)).toBe('forged')
})
