import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { Post } from './slack-api.ts'

type Text = { type: string; text: string }
type Image = { image_url: string; alt_text: string }
type Block = { type: string; text?: Text; fields?: Text[]; elements?: (Text | Image)[] } & Partial<Image>

/** A post as part of a page, roughly as Slack shows it. */
export function renderPost({ channel_name, channel, ts, thread_ts, edited, text, blocks }: Post): string {
  const at = new Date(Number(ts) * 1000).toUTCString() + (thread_ts ? ', reply' : '') + (edited ? ', edited' : '')
  const content =
    Array.isArray(blocks) && blocks.length > 0 ? (blocks as Block[]).map(renderBlock) : [`<p>${renderMrkdwn(text)}</p>`]
  return [`<p class="small">#${escapeHtml(String(channel_name ?? channel))}, ${at}</p>`, ...content].join('\n')
}

/** The blocks that slack-rules.ts takes. */
function renderBlock(block: Block): string {
  if (block.type === 'header') return `<h2>${block.text ? renderText(block.text) : ''}</h2>`
  if (block.type === 'divider') return '<hr>'
  if (block.type === 'image') return renderImage(block as Image)
  const parts = [...(block.text ? [block.text] : []), ...(block.fields ?? []), ...(block.elements ?? [])]
  const rendered = parts.map((part) => ('text' in part ? renderText(part) : renderImage(part)))
  return `<p${block.type === 'context' ? ' class="small"' : ''}>${rendered.join('<br>')}</p>`
}

function renderImage({ image_url, alt_text }: Image): string {
  return `<img src="${escapeHtml(image_url)}" alt="${escapeHtml(alt_text)}" style="max-width:100%">`
}

function renderText({ type, text }: Text): string {
  return type === 'mrkdwn' ? renderMrkdwn(text) : withBreaks(escapeHtml(text))
}

/**
 * Slack's mark-up as HTML: links, bold, italic, struck through, code. A mark followed by a space without width is none.
 * https://docs.slack.dev/messaging/formatting-message-text
 */
export function renderMrkdwn(text: string): string {
  return text
    .split(/(<[^>]*>)/)
    .map((part) =>
      part.startsWith('<') && part.endsWith('>') ? renderReference(part.slice(1, -1)) : renderMarks(part),
    )
    .join('')
}

function renderReference(reference: string): string {
  const [target = '', label = target] = reference.split('|')
  const name = escapeHtml(unescape(label))
  if (!/^(https?:\/\/|mailto:)/.test(target)) return name
  return `<a href="${escapeHtml(unescape(target))}" target="_blank">${name}</a>`
}

const marks = [
  ['*', 'b'],
  ['_', 'i'],
  ['~', 's'],
  ['`', 'code'],
] as const

function renderMarks(text: string): string {
  return marks.reduce(
    (html, [mark, tag]) => {
      const inner = `((?:[^${mark}\\n]|[${mark}]\u200b)+)`
      const span = new RegExp(`(?<![\\p{L}\\p{N}])[${mark}](?!\u200b)${inner}[${mark}](?![\u200b\\p{L}\\p{N}])`, 'gu')
      return html.replace(span, `<${tag}>$1</${tag}>`)
    },
    withBreaks(escapeHtml(unescape(text))),
  )
}

/** Slack's escapes: https://docs.slack.dev/messaging/formatting-message-text#escaping */
function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function withBreaks(html: string): string {
  return html.replaceAll('\n', '<br>\n')
}
