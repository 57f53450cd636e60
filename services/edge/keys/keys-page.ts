import { type Role, roles } from '#runtime/changes/roles.ts'
import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, facts, foreign, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { Key } from './store.ts'

export const path = '/console/keys'

/** What was typed of a new key. */
export type TypedKey = {
  name?: string | undefined
  role?: Role | undefined
  days?: number | undefined
  source?: number | undefined
}

type KeysMain = { keys: readonly Key[]; typed: TypedKey; said: Html | null; zone: string }

/** The list of keys, and the form for a new one. */
export function keysMain({ keys, typed, said, zone }: KeysMain): Html {
  const list =
    keys.length > 0
      ? keyTable(keys, zone)
      : empty('There is no API key yet', 'Programs and operators call the API with one.', {
          ...{ text: 'Create the first below', href: '#new' },
        })
  return html`${said}${list}
<section id="new"><h2>New key</h2>
${postForm(path, newKeyFields(typed), 'Create key')}
<p class="small">The key is shown once and not stored. A viewer reads; an operator also acts, for other people too; an administrator may do everything, and only an administrator makes another’s key. A key of a source sends its payloads and does nothing else, whatever its role.</p>
</section>`
}

function newKeyFields({ name, role, days, source }: TypedKey): Html[] {
  return [
    input('text', 'name', 'Who or what uses it', name, { required: true, maxlength: 200, autocomplete: 'off' }),
    choice(
      'role',
      'Role',
      roles.map((value) => ({ value, text: roleNames[value] })),
      role ?? 'viewer',
    ),
    input('number', 'source', 'Only to send payloads of the source (id)', source?.toString()),
    input('number', 'days', 'Days until it ends (empty: never)', days?.toString()),
  ]
}

const roleNames: Record<Role, string> = { viewer: 'Viewer', operator: 'Operator', admin: 'Administrator' }

/** What a key may do. */
function mayOf({ role, source }: Key): Html {
  return source === null ? html`${roleNames[role]}` : html`Sends payloads of ${foreign(excerpt(source, 80))}`
}

const marks = { good: ['good', 'Works'], expired: ['none', 'Has expired'], revoked: ['none', 'Revoked'] } as const

function stateOf({ state: held }: Key): Html {
  const [kind, text] = marks[held]
  return state(kind, text)
}

function keyTable(keys: readonly Key[], zone: string): Html {
  const at = (ms: number | null, none: string) => (ms === null ? none : time(ms, zone))
  const rows = keys.map((key) => [
    { text: foreign(excerpt(key.name, 80)), sort: key.name },
    { text: html`<code>${key.hint}…</code>` },
    { text: mayOf(key), sort: key.source ?? key.role },
    { text: stateOf(key) },
    { text: at(key.created_at, '–'), sort: key.created_at },
    { text: at(key.last_used_at, 'never'), sort: key.last_used_at ?? 0 },
    { text: at(key.expires_at, 'never'), sort: key.expires_at ?? Infinity },
    { text: key.state === 'revoked' ? '' : revokeLink(key) },
  ])
  const columns = ['Name', 'Begins with', 'Role', 'State', 'Created', 'Last used', 'Ends'].map((name) => ({ name }))
  const last = { name: html`<span class="hidden-text">Revoke</span>` }
  return table('Keys', [...columns, last], rows, { sortable: rows.length > 1, cards: true })
}

function revokeLink({ id, name }: Key): Html {
  const label = `Revoke ${excerpt(name, 80)}`
  return html`<a id="key-${id}" href="${path}/${id}/revoke" aria-label="${label}">Revoke</a>`
}

/** The only sight of a new key. */
export function newKeyMain({ name, key, isOfSource }: { name: string; key: string; isOfSource: boolean }): Html {
  const signIn = html` Operators enter it once at <a href="/console/sign-in">Sign in</a>.`
  return html`<p>The key of ${foreign(excerpt(name, 200))}. It is shown now and never again: copy it to where it is used.</p>
<p class="copy"><label class="hidden-text" for="key">API key</label><input id="key" type="text" readonly value="${key}"></p>
<p class="small">Programs send it as <code>Authorization: Bearer ${key.slice(0, 10)}…</code>.${!isOfSource && signIn}</p>
<p><a class="button plain" href="${path}">Back to the keys</a></p>`
}

type AskRevoke = { key: Key; isOwn: boolean; zone: string }

/** Asks, and says what stops working. */
export function revokeMain({ key, isOwn, zone }: AskRevoke): Html {
  const { id, name, created_at, last_used_at, sessions } = key
  const consequences = [
    'Programs that use it are answered with 401, within seconds.',
    sessions > 0 && `${formatCount(sessions, 'browser')} that signed in with it must sign in anew.`,
    isOwn && 'You are signed in with it: you are signed out, too.',
  ]
  return html`${facts([
    ['Key', foreign(excerpt(name, 200))],
    ['Role', mayOf(key)],
    ['Created', time(created_at, zone)],
    ['Last used', last_used_at === null ? 'never' : time(last_used_at, zone)],
  ])}
<h2>What stops working</h2>
<ul>${consequences.map((text) => text !== false && html`<li>${text}</li>`)}</ul>
<p>A revoked key does not come back: whoever needs one again gets a new one.</p>
${postForm(`${path}/${id}/revoke`, null, 'Revoke the key')}
<p><a href="${path}">Back, without revoking it</a></p>`
}
