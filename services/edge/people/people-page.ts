import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { filterForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { PersonRow } from './read-people.ts'

export const path = '/console/people'

export type TypedPerson = { name?: string | undefined; email?: string | undefined }
type PeopleMain = {
  rows: readonly PersonRow[]
  more: boolean
  q: string
  typed: TypedPerson
  said: Html | null
  zone: string
}

/** Who hears something, below the heading. */
export function peopleMain({ rows, more, q, typed, said, zone }: PeopleMain): Html {
  const isFirst = rows.length === 0 && q === ''
  const list =
    rows.length > 0
      ? [peopleTable(rows, zone), more && html`<p class="small">More are not shown. Search by name.</p>`]
      : isFirst
        ? empty(
            'Nobody hears anything yet',
            'Add the first person with an e-mail address. Then choose what they follow, and send a test.',
            {
              ...{ text: 'Add the first person', href: '#new' },
            },
          )
        : empty('Nobody has this in their name', 'Names are searched for in whatever case.', {
            ...{ text: 'Show everybody', href: path },
          })
  const fields = [
    input('text', 'name', 'Name', typed.name, { required: true, maxlength: 200, autocomplete: 'off' }),
    input('email', 'email', 'E-mail address', typed.email, { maxlength: 254, autocomplete: 'off' }),
  ]
  return html`${said}${!isFirst && filterForm(path, input('search', 'q', 'Part of a name', q, { maxlength: 200 }), 'Search')}
${list}
<section id="new"><h2>${isFirst ? 'First person' : 'New person'}</h2>
${postForm(path, fields, 'Add')}
<p class="small">Administrators are made in parma-web or with <code>npx parma people edit --admin</code>.</p></section>`
}

function peopleTable(rows: readonly PersonRow[], zone: string): Html {
  const cells = rows.map(({ id, name, is_admin, follows, channels, closed, last_at }) => [
    { text: html`<a href="${path}/${id}">${foreign(excerpt(name, 80))}</a>`, sort: name },
    { text: is_admin ? 'Administrator' : 'Viewer' },
    { text: String(follows), sort: follows },
    { text: reachOf(channels, closed), sort: channels - closed },
    { text: last_at === null ? 'never' : time(last_at, zone), sort: last_at ?? 0 },
  ])
  const columns = [
    ...[{ name: 'Name' }, { name: 'Role' }, { name: 'Follows', isNumber: true }],
    ...[{ name: 'Channels' }, { name: 'Last message' }],
  ]
  return table('People', columns, cells, { sortable: cells.length > 1, cards: true })
}

function reachOf(channels: number, closed: number): Html {
  if (channels === 0) return state('bad', 'None: gets no messages')
  if (closed === channels) return state('bad', `${formatCount(channels, 'channel')}, all closed`)
  return closed > 0
    ? state('late', `${formatCount(channels, 'channel')}, ${closed} closed`)
    : state('good', formatCount(channels, 'channel'))
}
