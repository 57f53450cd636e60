import { escapeHtml } from '#runtime/web/escape-html.ts'

/** A mail as it arrived. `to`: those of the envelope, hidden ones too. */
export type Mail = {
  from: string
  to: string[]
  subject: string
  text: string
  html: string
  headers: Record<string, string>
}

const lineHeight = 24
const pictureHeight = 400
/** Characters of a line in the width of the page. */
const lineLength = 70

/**
 * A mail as part of a page: what a reader sees of it, and its plain text. Its own HTML stands in a frame that runs no
 * script.
 */
export function renderMail({ from, to, subject, text, html, headers }: Mail): string {
  const plain = `<pre>${escapeHtml(text)}</pre>`
  return [
    `<h2>${escapeHtml(subject)}</h2>`,
    `<p class="small">${escapeHtml(`${from} → ${to.join(', ')}, ${headers.date ?? 'without a date'}`)}</p>`,
    html ? renderFrame(html, text) : plain,
    html && `<details><summary class="small">Plain text</summary>${plain}</details>`,
  ]
    .filter(Boolean)
    .join('\n')
}

/**
 * Links open in a new tab. Without a script the frame cannot fit itself to its content: the plain text says how long
 * that is.
 */
function renderFrame(html: string, text: string): string {
  // An address in the text is a link of one word in the HTML.
  const lines = text.replaceAll(/https?:\S+/g, 'link').split('\n')
  const pictures = html.split('<img ').length - 1
  const textHeight = lines.reduce((sum, line) => sum + Math.max(Math.ceil(line.length / lineLength), 1), 3) * lineHeight
  const height = textHeight + pictures * pictureHeight
  const content = escapeHtml(`<base target="_blank">${html}`)
  const sandbox = 'allow-popups allow-popups-to-escape-sandbox'
  return `<iframe sandbox="${sandbox}" style="height:${height}px" srcdoc="${content}"></iframe>`
}
