import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { Line, Message, Story } from '../message/message.ts'
import type { Extras } from './extras.ts'
import { asHtmlDigest } from './mail-digest.ts'
import { asHtmlActions, asHtmlChart, asHtmlLabel, asHtmlStory } from './mail-parts.ts'
import { mailStyle } from './mail-style.ts'
import { asHtmlSections, hasSections } from './render-digest.ts'

/** A message as an HTML page for a mail: nothing loaded from elsewhere, everything escaped. */
export function asHtml(message: Message, extras: Extras): string {
  const body = message.digest
    ? [asHtmlDigest(message.digest, extras)]
    : hasSections(message)
      ? [small(message.context), asHtmlSections(message)]
      : message.lines.length === 1
        ? [asHtmlSingle(message, message.lines[0] as Line, extras)]
        : [heading(message.headline), small(message.context), asHtmlLines(message, extras)]
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">',
    `<title>${escapeHtml(message.subject)}</title><style>${mailStyle}</style></head><body>`,
    ...body,
    !message.digest && message.rest && `<p>${escapeHtml(message.rest)}</p>`,
    asHtmlFooter(message, extras),
    '</body></html>',
  ]
    .filter(Boolean)
    .join('\n')
}

function asHtmlSingle({ context }: Message, line: Line, extras: Extras): string {
  const story = storyOf(line)
  return [
    `<h1>${asHtmlStory(story)}</h1>`,
    `<p class="s">${asHtmlLabel(line, ' · ')}${escapeHtml(context)}</p>`,
    ...story.more.map((text) => `<p>${escapeHtml(text)}</p>`),
    asHtmlChart(line, extras),
    asHtmlButton(line),
    asHtmlActions(line, extras),
  ]
    .filter(Boolean)
    .join('\n')
}

/** Lines with actions: each has about 1.5 kB of them, and a mail has less than 100 kB. */
const maxActed = 15

/** The most important line is first. It has the chart and the button. */
function asHtmlLines({ lines }: Message, extras: Extras): string {
  const items = lines.map((line, index) => {
    const story = storyOf(line)
    const link = index > 0 && line.link ? `<div><a href="${escapeHtml(line.link)}">See why</a></div>` : ''
    const more = story.more.map((text) => `<div>${escapeHtml(text)}</div>`).join('')
    const parts = [
      asHtmlChart(line, extras),
      index === 0 && asHtmlButton(line),
      link,
      index < maxActed && asHtmlActions(line, extras),
    ]
    const title = `<div class="t">${asHtmlLabel(line, ' ')}${asHtmlStory(story)}</div>`
    return `<li>${title}${more}${parts.filter(Boolean).join('')}</li>`
  })
  return `<ol>${items.join('\n')}</ol>`
}

function storyOf({ story, title, details }: Line): Story {
  return story ?? { name: null, sentence: title, more: details }
}

function asHtmlButton({ link, linkText = 'See why' }: Line): string {
  return link ? `<p style="margin:14px 0"><a class="b" href="${escapeHtml(link)}">${escapeHtml(linkText)}</a></p>` : ''
}

function asHtmlFooter({ trace }: Message, { why, unsubscribe }: Extras): string {
  const link = unsubscribe && `<a href="${escapeHtml(unsubscribe)}">Unsubscribe</a>`
  const lines = [escapeHtml(why), ...[escapeHtml(trace), link].filter(Boolean)]
  return `<footer>${lines.map((line) => `<p>${line}</p>`).join('')}</footer>`
}

function heading(text: string | undefined): string {
  return text === undefined ? '' : `<h1>${escapeHtml(text)}</h1>`
}

function small(text: string): string {
  return `<p class="s">${escapeHtml(text)}</p>`
}
