import { expect, test } from 'vitest'
import { escapeHtml } from './escape-html.ts'

test.each([
  ['<b>&"\'</b>', '&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;'],
  ['plain', 'plain'],
])('%s', (text, expected) => {
  expect(escapeHtml(text)).toBe(expected)
})
