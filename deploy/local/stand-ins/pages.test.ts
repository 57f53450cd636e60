import { describe, expect, it } from 'vitest'
import { renderPage } from './page.ts'
import { renderMail } from './render-mail.ts'
import { renderMrkdwn, renderPost } from './render-post.ts'
import type { Mail } from './render-mail.ts'

const hostile = `<img src=x onerror="alert('&')">`

describe('a page', () => {
  it('shows the newest 100 entries, newest first, and says of how many', () => {
    const entries = Array.from({ length: 101 }, (_, n) => `entry ${n + 1}`)
    const page = renderPage('Mails', entries, (entry) => entry)
    const shown = [...page.matchAll(/<article>(.*)<\/article>/g)].map(([, entry]) => entry)
    expect(shown).toEqual(entries.slice(1).toReversed())
    expect(page).toContain('The newest 100 of 101')
    expect(renderPage('Mails', ['one'], (entry) => entry)).toContain('>1, newest first')
  })
})

describe('a mail', () => {
  const mail: Mail = { from: 'a@b.c', to: ['d@e.f'], subject: 'S', text: 'T', html: '', headers: {} }

  it('shows plain text where there is no HTML', () => {
    expect(renderMail(mail)).toContain('<pre>T</pre>')
    expect(renderMail(mail)).not.toContain('iframe')
  })

  it('shows its HTML in a frame that may run nothing', () => {
    const frame = /<iframe sandbox="([^"]*)" style="height:\d+px" srcdoc="([^"]*)">/.exec(
      renderMail({ ...mail, html: '<p class="x">"T"</p>' }),
    )
    expect(frame?.[1]?.split(' ')).not.toContain('allow-scripts')
    expect(frame?.[2]).toBe(
      '&lt;base target=&quot;_blank&quot;&gt;&lt;p class=&quot;x&quot;&gt;&quot;T&quot;&lt;/p&gt;',
    )
  })

  it('escapes whatever came in', () => {
    const all = {
      from: hostile,
      to: [hostile],
      subject: hostile,
      text: hostile,
      html: hostile,
      headers: { date: hostile },
    }
    expect(renderMail(all)).not.toContain('<img')
  })
})

describe('a post', () => {
  it.each([
    ['*bold* and _italic_, ~gone~ `code`', '<b>bold</b> and <i>italic</i>, <s>gone</s> <code>code</code>'],
    ['*two words* 2*3*4 snake_case_name', '<b>two words</b> 2*3*4 snake_case_name'],
    ['*a*\u200b b*', '<b>a*\u200b b</b>'],
    ['*\u200bnot bold*\u200b', '*\u200bnot bold*\u200b'],
    ['<https://a.b/c?d=1&amp;e=2|Why?>', '<a href="https://a.b/c?d=1&amp;e=2" target="_blank">Why?</a>'],
    ['<https://a.b>', '<a href="https://a.b" target="_blank">https://a.b</a>'],
    ['<javascript:alert(1)|x> <!channel>', 'x !channel'],
    ['1 &lt; 2 &amp;amp; 3\nend', '1 &lt; 2 &amp;amp; 3<br>\nend'],
    ['a & "b" \'c\'', 'a &amp; &quot;b&quot; &#39;c&#39;'],
  ])('reads the marks of %s', (text, html) => {
    expect(renderMrkdwn(text)).toBe(html)
  })

  it('shows its blocks, else its text', () => {
    const post = { channel: 'C1', channel_name: 'general', ts: '1700000000.000100', text: '*T*' }
    expect(renderPost(post)).toBe('<p class="small">#general, Tue, 14 Nov 2023 22:13:20 GMT</p>\n<p><b>T</b></p>')
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: '*H*' } },
      { type: 'section', text: { type: 'mrkdwn', text: '*S*' }, fields: [{ type: 'plain_text', text: 'F' }] },
      {
        type: 'context',
        elements: [
          { type: 'plain_text', text: 'C' },
          { type: 'image', image_url: 'https://a.b/i', alt_text: 'A' },
        ],
      },
      { type: 'divider' },
      { type: 'image', image_url: 'https://a.b/c', alt_text: 'I' },
    ]
    expect(
      renderPost({ ...post, blocks })
        .split('\n')
        .slice(1),
    ).toEqual([
      '<h2>*H*</h2>',
      '<p><b>S</b><br>F</p>',
      '<p class="small">C<br><img src="https://a.b/i" alt="A" style="max-width:100%"></p>',
      '<hr>',
      '<img src="https://a.b/c" alt="I" style="max-width:100%">',
    ])
  })

  it('escapes whatever came in', () => {
    const text = (type: string) => ({ type, text: hostile })
    const blocks = [
      { type: 'header', text: text('plain_text') },
      { type: 'section', text: text('mrkdwn') },
      { type: 'context', elements: [{ type: 'image', image_url: hostile, alt_text: hostile }] },
    ]
    expect(renderPost({ channel: hostile, ts: '1', text: hostile, blocks })).not.toContain('<img src=x')
    expect(renderPost({ channel: hostile, ts: '1', text: hostile })).not.toContain('<img')
  })
})
