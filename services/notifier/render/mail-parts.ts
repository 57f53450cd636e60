import { capitalize } from '#runtime/text/format.ts'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import { labelOf } from '../message/is-good.ts'
import type { Line, Story } from '../message/message.ts'
import type { Extras } from './extras.ts'

/** A name may be written from right to left, which must not turn the sentence. */
export function asHtmlStory({ name, sentence }: Omit<Story, 'more'>): string {
  return name === null ? escapeHtml(capitalize(sentence)) : `<bdi>${escapeHtml(name)}</bdi>: ${escapeHtml(sentence)}`
}

export function asHtmlLabel(line: Line, after: string): string {
  const label = labelOf(line)
  return label ? `<span class="l ${label.replace(/ .*/, '')}">${escapeHtml(capitalize(label))}</span>${after}` : ''
}

/** Outlook reads the attribute, others the style, by which a picture is as wide as a phone. */
export function asHtmlChart(line: Line, { chartOf }: Extras): string {
  const { light = null, dark = null, text = null } = chartOf?.(line) ?? {}
  if (light === null) return ''
  const image = `<img class="c" src="${escapeHtml(light)}" alt="${escapeHtml(text ?? '')}" width="400">`
  if (dark === null) return image
  return `<picture><source srcset="${escapeHtml(dark)}" media="(prefers-color-scheme:dark)">${image}</picture>`
}

export function asHtmlActions(line: Line, { actionsOf }: Extras): string {
  const links = (actionsOf?.(line) ?? []).map(({ text, url }) => `<a href="${escapeHtml(url)}">${escapeHtml(text)}</a>`)
  return links.length > 0 ? `<p class="a">${links.join(' · ')}</p>` : ''
}
