import type { KnownBlock } from '@slack/web-api'
import { cut } from '#runtime/text/shorten.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { Message } from '../message/message.ts'
import { asHtmlSections, asSlackLines, asTextSections, hasSections } from './render-digest.ts'
import { cutEscaped, escapeSlack, linkSlack, pack } from './slack-text.ts'

/** A message as plain text. `unsubscribe`: the address for unsubscribing, if there is one. `chart`: what its chart says. */
export function asText(message: Message, why: string, unsubscribe?: string | null, chart?: string | null): string {
  const lines = hasSections(message) ? asTextSections(message) : asTextLines(message)
  const footer = [why, message.trace, unsubscribe && `Unsubscribe: ${unsubscribe}`].filter(Boolean).join('\n')
  const said = chart && `Chart of ${chart}`
  return `${[message.context, ...lines, said, message.rest, footer].filter(Boolean).join('\n\n')}\n`
}

function asTextLines(message: Message): string[] {
  return message.lines.map(({ mark, title, details, link }, index) => {
    const number = message.lines.length > 1 ? `${index + 1}. ` : ''
    const below = [...details, ...(link ? [`Why: ${link}`] : [])].map((detail) => `   ${detail}`)
    return [`${number}${mark ? `[${mark}] ` : ''}${title}`, ...below].join('\n')
  })
}

const colours: Record<string, string> = { critical: '#b3261e', warning: '#8a5a00', resolved: '#1b6e3c' }
const small = 'margin:0;color:#666;font-size:13px;line-height:1.4'

/** A picture in a mail: where it is, such as `cid:…`, and what it says. */
type Image = { src: string; alt: string }

/**
 * A message as an HTML page: one column that fits a phone, nothing loaded from elsewhere, everything escaped. `image`:
 * its chart, if there is one.
 */
export function asHtml(message: Message, why: string, unsubscribe?: string | null, image?: Image | null): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escapeHtml(message.subject)}</title></head>`,
    '<body style="margin:0 auto;padding:16px;max-width:600px;font:16px/1.5 system-ui,sans-serif;color:#111;overflow-wrap:anywhere">',
    `<p style="${small}">${escapeHtml(message.context)}</p>`,
    hasSections(message) ? asHtmlSections(message) : asHtmlLines(message),
    image && asHtmlImage(image),
    message.rest && `<p>${escapeHtml(message.rest)}</p>`,
    `<p style="${small}">${escapeHtml(why)}</p>`,
    message.trace && `<p style="${small}">${escapeHtml(message.trace)}</p>`,
    unsubscribe && `<p style="${small}"><a href="${escapeHtml(unsubscribe)}" style="color:#666">Unsubscribe</a></p>`,
    '</body></html>',
  ]
    .filter(Boolean)
    .join('\n')
}

/** Outlook reads the attribute, others the style, by which a picture is as wide as a phone. */
function asHtmlImage({ src, alt }: Image): string {
  const style = 'width:100%;max-width:400px;height:auto'
  return `<p style="margin:0 0 14px"><img src="${escapeHtml(src)}" alt="${escapeHtml(alt)}" width="400" style="${style}"></p>`
}

function asHtmlLines(message: Message): string {
  const lines = message.lines.map(({ mark, title, details, link }) => {
    const badge = mark ? `<span style="color:${colours[mark] ?? '#444'}">[${escapeHtml(mark)}]</span> ` : ''
    const text = details.map((detail) => `<div style="color:#333">${escapeHtml(detail)}</div>`).join('')
    const more = link ? `<div><a href="${escapeHtml(link)}">Why am I seeing this?</a></div>` : ''
    return `<li style="margin:0 0 14px"><div style="font-weight:600">${badge}${escapeHtml(title)}</div>${text}${more}</li>`
  })
  return `<ol style="padding-left:${lines.length > 1 ? '22px' : '0;list-style:none'}">${lines.join('')}</ol>`
}

// https://docs.slack.dev/reference/block-kit/blocks
const maxHeader = 150
const maxSection = 3000
const maxContext = 2000
// https://docs.slack.dev/changelog/2018-truncating-really-long-messages
const maxFallback = 4000

/** Slack refuses about 11,000 characters in all blocks: https://github.com/slackapi/bolt-js/issues/2867 */
export const maxDigestChars = 9000

const maxPost = 10_000
/** A link that leaves less than this of its line is left out. */
const minLine = 60

/** A message as Slack blocks, with the text for notifications: at most 50 blocks for up to 40 lines, none left out. */
export function asSlack(message: Message, why: string): { text: string; blocks: KnownBlock[] } {
  const footer = cut([why, message.trace].filter(Boolean).join('\n'), maxContext)
  const around = maxHeader + cut(message.context, maxContext).length + message.rest.length + footer.length
  const [lines, separator] = hasSections(message)
    ? [asSlackLines(message, maxSection), '\n']
    : [asSlackNumbered(message, maxPost - around), '\n\n']
  const section = (text: string): KnownBlock => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } })
  const context = (text: string): KnownBlock => ({
    type: 'context',
    elements: [{ type: 'plain_text', text: cut(text, maxContext) }],
  })
  return {
    text: cutEscaped(escapeSlack(message.subject), maxFallback),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(message.subject, maxHeader), emoji: false } },
      context(message.context),
      ...pack([...lines, escapeSlack(message.rest)].filter(Boolean), maxSection, separator).map(section),
      context(footer),
    ],
  }
}

/** The lines, together at most `length` characters. If they have more, the longest are cut. */
function asSlackNumbered({ lines }: Message, length: number): string[] {
  const parts = lines.map(({ mark, title, details, link }, index) => ({
    head: `${lines.length > 1 ? `${index + 1}. ` : ''}${mark ? `[${escapeSlack(mark)}] ` : ''}*`,
    title: escapeSlack(title),
    below: details.map((detail) => `\n${escapeSlack(detail)}`).join(''),
    more: link ? `\n${linkSlack(link, 'Why am I seeing this?')}` : '',
  }))
  const lengths = parts.map(({ head, title, below, more }) => `${head}${title}*${below}${more}\n\n`.length)
  const room = Math.min(maxSection, shareOut(lengths, length) - 2)
  return parts.map(({ head, title, below, more }) => {
    const link = more.length < room - minLine ? more : ''
    const first = `${head}${cutEscaped(title, room - head.length - 1 - link.length)}*`
    const left = room - first.length - link.length
    return first + (left > 1 ? cutEscaped(below, left) : '') + link
  })
}

/** The limit for each of `lengths` at which their sum is at most `total`. Short ones leave their rest to long ones. */
function shareOut(lengths: readonly number[], total: number): number {
  let left = total
  for (const [index, length] of lengths.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (lengths.length - index))
    if (length > share) return share
    left -= length
  }
  return Infinity
}
