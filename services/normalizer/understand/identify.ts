import { cutStorable, isStorable, sha256 } from '../read/json-text.ts'
import type { Json, Structure } from '../read/parse.ts'

/** Which item of a list, and of the lists around it, a value belongs to. `label`: what a person calls the item. */
export type Identity = { key: string; label: string | null }

/** Members that can identify an item, best first. */
const naturalKeys = [
  'permalink',
  'html_url',
  'url',
  'uri',
  'id',
  'uuid',
  'key',
  'slug',
  'code',
  'name',
  'full_name',
  'title',
  'login',
  'username',
]
const labels = ['full_name', 'name', 'title', 'label', 'display_name', 'login', 'username']
const rootKeys = ['url', 'html_url', 'permalink', 'id']

/** Series are found by these keys, so these limits must never change. */
const maxKeyLength = 512
const maxLabelLength = 200

/**
 * The identities of a list's items, in order. What is not an object is identified by position, objects by the first of
 * these: the member `itemKey` that the map names; the first natural key that all items have and no two share; the first
 * that all have, with repeated ones numbered; for groups (one text member beside lists) that text; the position. The
 * key of the item around the list comes in front.
 */
export function identify(
  items: readonly Json[],
  field: string,
  itemKey: string | null,
  outer: Identity | null,
): Identity[] {
  const objects = items.filter((item) => item.kind === 'object')
  const names = itemKey === null ? chooseKeys(objects, field) : items.map((item) => keyText(item, itemKey))
  const unique = createOrdinals(new Set(names))
  let object = 0
  return items.map((item, position) => {
    const name = itemKey === null ? (item.kind === 'object' ? names[object++] : null) : names[position]
    const label = labelOf(item) ?? (name === null || name === undefined ? null : cutStorable(name, maxLabelLength))
    return { key: chain(outer, unique(name ?? `#${position}`)), label }
  })
}

/** The natural key of a payload's root; empty if it has none. */
export function subjectOf(root: Structure): string {
  const key = rootKeys.map((name) => keyText(root, name)).find((text) => text !== null)
  return key === undefined || key === null ? '' : shorten(key)
}

function chooseKeys(objects: readonly Structure[], field: string): (string | null)[] {
  let shared: string[] | null = null
  for (const name of [...naturalKeys, ...ownKeys(field)]) {
    const keys = objects.map((item) => keyText(item, name))
    if (keys.length === 0 || !keys.every((key) => key !== null)) continue
    if (new Set(keys).size === keys.length) return keys
    shared ??= keys
  }
  if (shared) return shared
  const groups = objects.map(groupName)
  return groups.every((name) => name !== null) ? groups : objects.map(() => null)
}

/** For the list `naics`: naics_id and naics_code; for `rounds` also round_id and round_code. */
function ownKeys(field: string): string[] {
  return [field, field.replace(/s$/, '')].flatMap((name) => [`${name}_id`, `${name}_code`])
}

/** For an item like {"subreddit": "de", "submissions": [...]}: "de". */
function groupName(item: Structure): string | null {
  const scalars = item.members.filter(({ value }) => value.kind !== 'list' && value.kind !== 'object')
  const [only] = scalars
  if (!only || scalars.length > 1 || item.members.length === 1 || only.value.kind !== 'text') return null
  return keyText(item, only.key)
}

/** A member's text or number, if it can be a key. */
function keyText(item: Json, name: string): string | null {
  if (item.kind !== 'object') return null
  const value = item.members.find(({ key, overridden }) => key === name && !overridden)?.value
  const text = value?.kind === 'text' ? value.value : value?.kind === 'number' ? value.text : ''
  return text !== '' && isStorable(text) ? text : null
}

/** Makes names unique: a repeated name gets an ordinal that no other key of the list has. */
function createOrdinals(names: ReadonlySet<string | null>) {
  const next = new Map<string, number>()
  return (name: string): string => {
    let ordinal = next.get(name) ?? 1
    while (ordinal > 1 && names.has(`${name}#${ordinal}`)) ordinal++
    next.set(name, ordinal + 1)
    return ordinal === 1 ? name : `${name}#${ordinal}`
  }
}

/** Keys of items in nested lists: `outer>inner`, with `>` and backslashes of the keys themselves escaped. */
function chain(outer: Identity | null, key: string): string {
  const own = key.replaceAll(/[\\>]/g, '\\$&')
  return shorten(outer ? `${outer.key}>${own}` : own)
}

function shorten(key: string): string {
  return key.length <= maxKeyLength ? key : sha256(key)
}

function labelOf(item: Json): string | null {
  const label = labels.map((name) => keyText(item, name)).find((text) => text !== null)
  return label === undefined || label === null ? null : cutStorable(label, maxLabelLength)
}
