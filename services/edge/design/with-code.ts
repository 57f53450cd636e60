import { html, type Html } from './html.ts'

/** A sentence of ours in which what stands in backticks is typed, such as a command. */
export function withCode(sentence: string): Html {
  const parts = sentence.split('`')
  return html`${parts.map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))}`
}
