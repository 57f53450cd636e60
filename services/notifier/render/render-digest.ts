import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { Line, Message } from '../message/message.ts'
import { cutEscaped, escapeSlack, linkSlack } from './slack-text.ts'

/** Whether the lines of a message have headings: those of digests have the names of companies. */
export function hasSections({ lines }: Message): boolean {
  return lines[0]?.heading !== undefined
}

/** The sections of a digest as plain text. */
export function asTextSections(message: Message): string[] {
  return sectionsOf(message).map(({ heading, lines }) => {
    const items = lines.map(({ mark, title, details, link }) => {
      const below = [...details, ...(link ? [`Why: ${link}`] : [])].map((detail) => `\n  ${detail}`)
      return `- ${title}${mark ? ` [${mark}]` : ''}${below.join('')}`
    })
    return [heading, ...items].join('\n')
  })
}

/** The sections of a digest as HTML, everything escaped: for each company its name and a list. */
export function asHtmlSections(message: Message): string {
  const sections = sectionsOf(message).map(({ heading, lines }) => {
    const items = lines.map(({ mark, title, details, link }) => {
      const badge = mark ? ` <small>[${escapeHtml(mark)}]</small>` : ''
      const more = link ? ` <a href="${escapeHtml(link)}">Why?</a>` : ''
      return `<li>${escapeHtml(title)}${badge}${more}${details.map((detail) => `<br>${escapeHtml(detail)}`).join('')}</li>`
    })
    return `<p><strong>${escapeHtml(heading)}</strong></p><ul>${items.join('')}</ul>`
  })
  return sections.join('\n')
}

/**
 * The lines of a digest in Slack's markup, each at most `maxLength` characters. A heading is part of its first line.
 */
export function asSlackLines(message: Message, maxLength: number): string[] {
  return message.lines.map((line, index) => {
    const heading = line.heading === undefined ? '' : `${index > 0 ? '\n' : ''}${escapeSlack(line.heading)}\n`
    return heading + asSlackItem(line, maxLength - heading.length)
  })
}

function asSlackItem({ mark, title, details, link }: Line, maxLength: number): string {
  const more = link ? ` ${linkSlack(link, 'Why?')}` : ''
  const badge = mark ? ` [${escapeSlack(mark)}]` : ''
  const below = details.map((detail) => `\n   ${escapeSlack(detail)}`).join('')
  const first = cutEscaped(`- ${escapeSlack(title)}`, maxLength - badge.length - more.length) + badge + more
  return first + cutEscaped(below, Math.max(0, maxLength - first.length))
}

type Section = { heading: string; lines: Line[] }

function sectionsOf({ lines }: Message): Section[] {
  const sections: Section[] = []
  for (const line of lines)
    if (line.heading !== undefined) sections.push({ heading: line.heading, lines: [line] })
    else sections.at(-1)?.lines.push(line)
  return sections
}
