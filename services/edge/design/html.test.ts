import { expect, test } from 'vitest'
import { html, trusted } from './html.ts'

test('every value of a template is escaped, unless it is markup', () => {
  const name = `<b>"x" & 'y'</b>`
  const escaped = '&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/b&gt;'
  expect(String(html`<p title="${name}">${name}</p>`)).toBe(`<p title="${escaped}">${escaped}</p>`)
  expect(String(html`${html`<b>${'<'}</b>`}${trusted('<svg/>')}`)).toBe('<b>&lt;</b><svg/>')
})

test('lists are joined, and what is not there is left out', () => {
  const values = [1, 0, '', null, undefined, false as const]
  expect(String(html`<ul>${values.map((one) => html`<li>${one}</li>`)}</ul>`)).toBe(
    '<ul><li>1</li><li>0</li><li></li><li></li><li></li><li></li></ul>',
  )
  expect(String(html`${['a', ['<', null]]}`)).toBe('a&lt;')
})
