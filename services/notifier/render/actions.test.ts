import type { SectionBlock } from '@slack/web-api'
import { expect, test } from 'vitest'
import { checkActionLink, type MessageAction } from '#runtime/web/signed-links.ts'
import type { Message } from '../message/message.ts'
import { actionsFor } from './actions.ts'
import { asHtml } from './mail.ts'
import { asSlack } from './slack.ts'
import { asText } from './text.ts'

const settings = { PUBLIC_URL: 'https://parma.example', LINK_SECRET: 's'.repeat(32) }
const actor = { person: 17, until: Date.UTC(2026, 11, 24) }
const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
const texts = ['Useful', 'Not useful', 'Quiet until it gets worse', 'Mute series', 'Mute measurement', 'Mute company']

function messageOf(count: number): Message {
  const lines = Array.from({ length: count }, (_, index) => ({
    ...{ mark: '', title: 'Stars rose', details: [], newsId: idOf(index), link: `https://parma.example/why/${index}` },
  }))
  return { subject: 'acme', context: 'npm', lines, rest: '', topic: { kind: 'company', name: 'acme' }, trace: '' }
}
const extrasOf = (who: typeof actor | null) => ({
  why: 'why',
  actionsOf: actionsFor(settings, who?.person ?? null, actor.until),
})

test('each line has its actions, signed for its reader', () => {
  const links = [...asHtml(messageOf(2), extrasOf(actor)).matchAll(/href="([^"]*\/act\/[^"]*)">([^<]*)</g)]
  expect(links.map(([, , text]) => text)).toEqual([...texts, ...texts])
  for (const [index, [, href = '']] of links.entries()) {
    const url = new URL(href.replaceAll('&amp;', '&'))
    const [, , person, newsId = '', action] = url.pathname.split('/')
    expect([person, newsId]).toEqual(['17', idOf(index < texts.length ? 0 : 1)])
    const act = { person: 17, newsId, action: action as MessageAction['action'] }
    const signed = Object.fromEntries(url.searchParams)
    expect(checkActionLink(settings.LINK_SECRET, act, signed, actor.until - 1)).toBe('good')
    expect(checkActionLink(settings.LINK_SECRET, act, signed, actor.until)).toBe('expired')
  }
})

test('where nobody may act, or links are not set up, there are none', () => {
  for (const extras of [extrasOf(null), { why: 'why', actionsOf: actionsFor({}, actor.person, actor.until) }])
    for (const said of [asHtml, asText].map((render) => render(messageOf(1), extras)))
      expect(said).not.toContain('/act/')
})

test('the text of one news item has them, that of several the pages that explain', () => {
  for (const text of texts) expect(asText(messageOf(1), extrasOf(actor))).toContain(`\n${text}: https://`)
  expect(asText(messageOf(2), extrasOf(actor))).not.toContain('/act/')
})

test.each([1, 5, 40])('a post of %d lines has as many as there is room for', (count) => {
  const { blocks } = asSlack(messageOf(count), extrasOf(actor))
  const sections = blocks.filter((block): block is SectionBlock => block.type === 'section')
  const said = sections.map(({ text }) => text?.text ?? '').join('\n')
  expect(said.match(/\|See why>/g)).toHaveLength(count)
  const acted = said.match(/\|Mute company>/g)?.length ?? 0
  expect(acted).toBeGreaterThanOrEqual(Math.min(count, 3))
  expect(said.match(/\|Useful>/g)).toHaveLength(acted)
  expect(said.length).toBeLessThan(10_000)
})
