import { z } from 'zod'
import { escapeHtml } from '#runtime/web/escape-html.ts'
import { page } from '../http/page.ts'
import type { Why } from './read-why.ts'

/** Why there is a news, as a page for people: text alone, which a phone shows well; everything is escaped. */
export function whyPage(why: Why): string {
  const { rule, item_key, now, before } = why
  const rows: [string, string | null][] = [
    ['Company', why.company.name],
    ['Source', why.source.name],
    ['Measurement', why.measurement.name],
    ['Item', item_key],
    ['Before', why.previous],
    ['Now', why.current],
    ['Change', why.trigger_factor === null ? null : `${Math.round(why.trigger_factor * 100) / 100} %`],
    ['Rule', rule ? `${rule.id}, version ${rule.version}` : 'Changes of this kind are told without a rule'],
    ['Threshold', thresholdOf(why)],
    ...originRows('Value', now),
    ...originRows('Value before', before),
    ['News', why.news_id],
  ]
  const shown = rows.flatMap(([name, text]) =>
    text === null ? [] : [`<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text)}</dd>`],
  )
  return page(why.title, `<p>${escapeHtml(why.message)}</p>\n<dl>\n${shown.join('\n')}\n</dl>`)
}

const ruleOfNumbers = z.object({ when: z.object({ kind: z.string() }) })

/** In percent, but of a rule of our own that asks for so much. */
function thresholdOf({ facts: { threshold }, rule }: Why): string | null {
  if (threshold === undefined) return null
  return ruleOfNumbers.safeParse(rule?.definition).data?.when.kind === 'absolute' ? threshold : `${threshold} %`
}

function originRows(name: string, origin: Why['now']): [string, string | null][] {
  if (origin === null) return []
  return [
    [name, origin.value],
    [`${name}: observed`, origin.observed_at],
    [`${name}: path`, origin.path],
    [`${name}: version of the map`, origin.map_version === null ? null : String(origin.map_version)],
    [`${name}: raw document`, origin.document],
    [`${name}: task`, origin.task_id === null ? null : String(origin.task_id)],
  ]
}
