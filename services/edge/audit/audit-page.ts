import type { AuditRow } from '#runtime/changes/read-audit.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, morePages, table, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { type Difference, difference } from './difference.ts'

type AuditFilters = { [name in 'actor' | 'kind' | 'subject' | 'since' | 'until']?: string | undefined }

export type AuditMain = {
  filters: AuditFilters
  rows: readonly AuditRow[]
  /** Names of people, by what the log calls them, such as person:17. */
  names: ReadonlyMap<string, string>
  /** The address of the next page. */
  next: string | null
  zone: string
}

const path = '/console/audit'

/** The audit log below its heading. */
export function auditMain({ filters, rows, names, next, zone }: AuditMain): Html {
  const isFiltered = Object.values(filters).some((value) => value !== undefined)
  const list =
    rows.length > 0
      ? [auditTable(rows, names, zone), morePages(next)]
      : isFiltered
        ? empty('Nothing like this was done', 'No row of the log fits these filters.', {
            ...{ text: 'Show everything', href: path },
          })
        : empty(
            'Nothing was changed yet',
            'Whatever people, keys, links in messages and commands change stands here, with what was there before.',
            { text: 'See who may change something', href: '/console/keys' },
          )
  return html`<p>Who did what, the newest first. <code>parma audit ls</code> lists the same.</p>
${filterForm(path, fields(filters))}
${list}`
}

function fields({ actor, kind, subject, since, until }: AuditFilters): Html[] {
  return [
    input('search', 'actor', 'Who, such as person:17', actor, { maxlength: 200 }),
    input('search', 'kind', 'What, such as analyzer.rule', kind, { maxlength: 200 }),
    input('search', 'subject', 'To what, such as key:3', subject, { maxlength: 200 }),
    input('date', 'since', 'From (UTC)', since?.slice(0, 10)),
    input('date', 'until', 'Before (UTC)', until?.slice(0, 10)),
  ]
}

function auditTable(rows: readonly AuditRow[], names: AuditMain['names'], zone: string): Html {
  const columns = ['Time', 'Who', 'What', 'To what', 'Change', 'Why'].map((name) => ({ name }))
  const cells = rows.map((row) => [
    { text: time(row.at, zone) },
    { text: linkTo('actor', row.actor, names) },
    { text: linkTo('kind', row.kind) },
    { text: linkTo('subject', row.subject, names) },
    { text: differences(difference(row.before, row.after)) },
    { text: row.reason === null ? '–' : foreign(excerpt(row.reason, 200)) },
  ])
  return table('What was done', columns, cells, { cards: true })
}

/** What the log says, with a name where one is known. It leads to all rows that say the same. */
function linkTo(filter: keyof AuditFilters, said: string, names?: AuditMain['names']): Html {
  const name = names?.get(said.replace('link:', 'person:'))
  const text = excerpt(said, 80)
  const link = html`<a href="${withQuery(path, { [filter]: said })}">${foreign(text)}</a>`
  return name === undefined ? link : html`${foreign(excerpt(name, 60))} ${link}`
}

/** Shown at once; more of one row are behind a click. */
const mostShown = 2

function differences(all: readonly Difference[]): Html {
  if (all.length === 0) return html`–`
  const [shown, hidden] = [all.slice(0, mostShown), all.slice(mostShown)]
  return html`<ul class="ways">${shown.map(oneDifference)}</ul>
${hidden.length > 0 && html`<details><summary>${hidden.length} more</summary><ul class="ways">${hidden.map(oneDifference)}</ul></details>`}`
}

function oneDifference({ path, before, after }: Difference): Html {
  const name = path !== '' && html`${foreign(excerpt(path, 60))}: `
  if (before === null) return html`<li>${name}<ins>${foreign(after!)}</ins></li>`
  if (after === null) return html`<li>${name}<del>${foreign(before)}</del></li>`
  return html`<li>${name}<del>${foreign(before)}</del> → <ins>${foreign(after)}</ins></li>`
}
