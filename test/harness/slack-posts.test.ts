import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgePost } from '../../deploy/local/stand-ins/slack-rules.ts'
import { composeNews, type NewsItem } from '../../services/notifier/message/compose.ts'
import { asSlack } from '../../services/notifier/render/slack.ts'

const anyText = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.string({ maxLength: 200, unit: fc.constantFrom(...'<>&*_~`:!@#|acme \n') }),
  fc.constantFrom('x'.repeat(10_000), '&'.repeat(10_000), '*'.repeat(10_000), '🚀'.repeat(5000), '\0', '\u202e'),
)

test('whatever was crawled, Slack takes the post, and it mentions nobody and links to nothing', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 60 }), (text, count) => {
      const news = Array.from({ length: count }, (_, index): NewsItem => ({
        ...{ news_id: `${index}`, group_id: 'g', group_index: index, company_id: 1, company: text, source: text },
        ...{ severity: 'warning', title: text, message: text, trigger_factor: 1, previous: text, current: text },
        observed_at: 0,
      }))
      const post = asSlack(
        composeNews(news, 40, () => null),
        { why: text },
      )
      expect(judgePost(post)).toBe(null)
      const markup = [post.text, ...post.blocks.map((block) => (block.type === 'section' ? block.text?.text : ''))]
      expect(markup.join('\n')).not.toMatch(/[<>]/)
    }),
    { seed: 1 },
  )
})
