import type { Database } from '#runtime/postgres/database.ts'
import { sql } from '#runtime/postgres/database.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { z } from 'zod'
import type { Viewer } from '../access/viewer.ts'
import { maySeeInternals } from '../ask/may-read.ts'
import { choice, filterForm } from '../design/forms.ts'
import { type Content, html, type Html } from '../design/html.ts'
import { foreign, state } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { type Described, describeAudience, type Part } from './describe-audience.ts'
import { readAudience } from './read-audience.ts'

const personRow = z.object({ id: z.int(), name: z.string() })
type Person = z.output<typeof personRow>

/** Of whom an operator chooses one. */
const mostPeople = 1000

/** The part of a news item's page that says whether a person heard of it. A person sees only themselves. */
export async function showAudience(
  database: Database,
  viewer: Viewer,
  newsId: string,
  person: number | undefined,
  zone: string,
): Promise<Content> {
  const isOperator = maySeeInternals(viewer)
  const asked = isOperator ? (person ?? viewer.userId) : viewer.userId
  const [audience, people] = await Promise.all([
    asked === null ? null : readAudience(database, newsId, asked),
    isOperator ? readPeople(database) : [],
  ])
  const isSelf = asked === viewer.userId
  const form = people.length > 0 && choosePerson(newsId, people, asked)
  if (audience === null)
    return (
      isOperator &&
      html`<section id="heard"><h2>Who heard of this</h2>
${asked !== null && html`<p>There is no person ${asked}.</p>`}${form}</section>`
    )
  const described = describeAudience(audience, Date.now(), viewer.userId)
  const title = isSelf
    ? 'Why did I (not) hear of this'
    : html`Why did ${foreign(excerpt(audience.person.name, 80))} (not) hear of this`
  return html`<section id="heard"><h2>${title}</h2>
${answer(described, zone, isSelf)}
${form}
${isSelf && html`<p class="small">What you hear of is set on <a href="/console/me">your page</a>. Your Atom feeds list what you follow; nobody knows what a reader of feeds has shown you.</p>`}</section>`
}

function readPeople(database: Database): Promise<readonly Person[]> {
  return database.any(
    sql.type(personRow)`SELECT id, name FROM public."user" ORDER BY lower(name), id LIMIT ${mostPeople}`,
  )
}

function choosePerson(newsId: string, people: readonly Person[], asked: number | null): Html {
  const options = people.map(({ id, name }) => ({ value: String(id), text: `${excerpt(name, 60)} (${id})` }))
  return filterForm(`/console/why/${newsId}#heard`, choice('person', 'Person', options, asked?.toString()), 'Show')
}

const verdicts = {
  yes: { kind: 'good', self: 'You were told.', other: 'Told.' },
  not_yet: { kind: 'late', self: 'You have not been told yet.', other: 'Not told yet.' },
  no: { kind: 'none', self: 'You were not told.', other: 'Not told.' },
  unknown: { kind: 'late', self: 'It is not known whether you were told.', other: 'It is not known.' },
} as const

function answer({ told, lines }: Described, zone: string, isSelf: boolean): Html {
  const { kind, self, other } = verdicts[told]
  const items = lines.map(
    (line) =>
      html`<li dir="auto">${state(
        line.state,
        line.parts.map((part) => show(part, zone)),
      )}</li>\n`,
  )
  return html`<p><b>${state(kind, isSelf ? self : other)}</b></p>
<ul class="ways">
${items}</ul>`
}

function show(part: Part, zone: string): Content {
  if (typeof part === 'string') return part
  return 'at' in part ? time(part.at, zone) : html`<a href="/console/why/${part.news}">another news item</a>`
}
