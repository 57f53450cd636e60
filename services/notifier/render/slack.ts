import type { ImageBlock, KnownBlock } from '@slack/web-api'
import { cut } from '#runtime/text/shorten.ts'
import { labelOf } from '../message/is-good.ts'
import type { Line, Message } from '../message/message.ts'
import type { Extras } from './extras.ts'
import { asSlackLines, hasSections } from './render-digest.ts'
import { asSlackDigest } from './slack-digest.ts'
import { cutEscaped, escapeSlack, linkSlack, pack } from './slack-text.ts'

// https://docs.slack.dev/reference/block-kit/blocks
const maxHeader = 150
const maxSection = 3000
const maxContext = 2000
/** Slack takes 2,000 characters, but they may count towards those of all blocks. */
const maxAlt = 300
const maxPictures = 10
// https://docs.slack.dev/changelog/2018-truncating-really-long-messages
const maxFallback = 4000

/** Slack refuses about 11,000 characters in all blocks: https://github.com/slackapi/bolt-js/issues/2867 */
export const maxDigestChars = 9000

const maxPost = 10_000
/** A link that leaves less than this of its line is left out. */
const minLine = 60

/**
 * A message as Slack blocks, with the text for notifications: at most 50 blocks for up to 40 lines, none left out. Below a
 * line is its picture, if it has one; the text is complete without.
 */
export function asSlack(message: Message, extras: Extras): { text: string; blocks: KnownBlock[] } {
  const footer = cut([extras.why, message.trace].filter(Boolean).join('\n'), maxContext)
  const around = maxHeader + cut(message.context, maxContext).length + message.rest.length + footer.length
  const tell = (pictures: Pictures): [lines: string[], separator: string] =>
    message.digest
      ? [asSlackDigest(message.digest, pictures), '\n']
      : hasSections(message)
        ? [asSlackLines(message, maxSection), '\n']
        : [asSlackNumbered(message, maxPost - around, extras), '\n\n']
  const plain = tell(new Map())
  const words = plain[0].reduce((sum, line) => sum + line.length + 2, around)
  const pictures = picturesOf(message, extras, maxPost - words)
  const [lines, separator] = pictures.size > 0 ? tell(pictures) : plain
  return {
    text: cutEscaped(escapeSlack(message.subject), maxFallback),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(message.subject, maxHeader), emoji: false } },
      context([message.context, message.digest?.summary].filter(Boolean).join(' · ')),
      ...asSections([...lines, message.digest ? '' : escapeSlack(message.rest)], pictures, separator),
      context(footer),
    ],
  }
}

const section = (text: string): KnownBlock => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } })
const context = (text: string): KnownBlock => ({
  type: 'context',
  elements: [{ type: 'plain_text', text: cut(text, maxContext) }],
})

/** As few sections as hold the lines, with each picture right below its line. */
function asSections(lines: readonly string[], pictures: Pictures, separator: string): KnownBlock[] {
  const ends = [...pictures.keys()].toSorted((a, b) => a - b)
  return [0, ...ends.map((at) => at + 1)].flatMap((start, index) => {
    const end = ends[index]
    const packed = pack(
      lines.slice(start, end === undefined ? undefined : end + 1).filter(Boolean),
      maxSection,
      separator,
    )
    const picture = end === undefined ? undefined : pictures.get(end)
    return [...packed.map(section), ...(picture ? [picture] : [])]
  })
}

/** By the number of the line that a picture is about. */
type Pictures = ReadonlyMap<number, ImageBlock>

/** The first ones, of at most `length` characters together. Lines below headings have none. */
function picturesOf(message: Message, { chartOf }: Extras, length: number): Pictures {
  if (!message.digest && hasSections(message)) return new Map()
  let left = length
  const shown = (message.digest?.things ?? message.lines).flatMap((line, at): [number, ImageBlock][] => {
    const chart = chartOf?.(line)
    if (!chart || chart.light === null) return []
    const alt_text = cut(chart.text ?? line.title, maxAlt)
    left -= chart.light.length + alt_text.length
    return left < 0 ? [] : [[at, { type: 'image', image_url: chart.light, alt_text }]]
  })
  return new Map(shown.slice(0, maxPictures))
}

/** The lines, together at most `length` characters. If they have more, the longest are cut; actions take what is left. */
function asSlackNumbered({ lines }: Message, length: number, { actionsOf }: Extras): string[] {
  const parts = lines.map((line, index) => {
    const label = labelOf(line)
    const { name, sentence, more } = line.story ?? { name: null, sentence: line.title, more: line.details }
    return {
      head: `${lines.length > 1 ? `${index + 1}. ` : ''}${label ? `[${escapeSlack(label)}] ` : ''}*`,
      title: escapeSlack(name === null ? sentence : `${name}: ${sentence}`),
      below: more.map((text) => `\n${escapeSlack(text)}`).join(''),
      link: line.link ? `\n${linkSlack(line.link, 'See why')}` : '',
    }
  })
  const lengths = parts.map(({ head, title, below, link }) => `${head}${title}*${below}${link}\n\n`.length)
  const room = Math.min(maxSection, shareOut(lengths, length) - 2)
  const texts = parts.map(({ head, title, below, link: more }) => {
    const link = more.length < room - minLine ? more : ''
    const first = `${head}${cutEscaped(title, room - head.length - 1 - link.length)}*`
    const left = room - first.length - link.length
    return first + (left > 1 ? cutEscaped(below, left) : '') + link
  })
  let left = length - texts.reduce((sum, text) => sum + text.length + 2, 0)
  return texts.map((text, index) => {
    const actions = (actionsOf?.(lines[index] as Line) ?? []).map(({ text, url }) => linkSlack(url, text)).join(' · ')
    if (actions === '' || actions.length + 1 > Math.min(left, maxSection - text.length)) return text
    left -= actions.length + 1
    return `${text}\n${actions}`
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
