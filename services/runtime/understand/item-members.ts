import { isStorable } from '../read/json-text.ts'
import type { Json } from '../read/parse.ts'
import { plainNumber } from '../text/plain-key.ts'

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

/** Members that tell items of one key apart, if no member that can identify them does. */
const secondKeys = [
  'date',
  'year',
  'month',
  'day',
  'type',
  'kind',
  'role',
  'category',
  'language',
  'country',
  'version',
]

const labels = ['full_name', 'name', 'title', 'label', 'display_name', 'login', 'username']

/** For the list `naics` also naics_id and naics_code; for `rounds` also round_id and round_code. */
export function keyNamesOf(field: string): string[] {
  return [...naturalKeys, ...[field, field.replace(/s$/, '')].flatMap((name) => [`${name}_id`, `${name}_code`])]
}

/** A member's text or number, if it can be a key and its name can be kept. The number 201.0 is 201. */
export function keyText(item: Json, name: string): string | null {
  if (item.kind !== 'object') return null
  const value = item.members.find(({ key, overridden }) => key === name && !overridden)?.value
  const text = value?.kind === 'text' ? value.value : value?.kind === 'number' ? plainNumber(value.text) : ''
  return text !== '' && isStorable(text) && isStorable(name) ? text : null
}

export function labelOf(item: Json): string | null {
  return labels.map((name) => keyText(item, name)).find((text) => text !== null) ?? null
}

/** The name of the one text beside lists in an item like {"subreddit": "de", "submissions": [...]}. */
export function groupNameOf(item: Json): string | null {
  if (item.kind !== 'object' || item.members.length === 1) return null
  const scalars = item.members.filter(({ value }) => value.kind !== 'list' && value.kind !== 'object')
  const [only] = scalars
  return scalars.length === 1 && only?.value.kind === 'text' ? only.key : null
}

/**
 * The members that tell apart items which have one key; none if they are the same item. Items of one key that have
 * another natural key in common are the same item, whatever other texts and numbers they have.
 */
export function findWidening(items: readonly Json[], field: string, member: string | null): string[] {
  const natural = keyNamesOf(field)
  const textsOf = (name: string) => items.map((item) => keyText(item, name) ?? '')
  const differ = (name: string) => new Set(textsOf(name)).size > 1
  const telling = [...natural, ...secondKeys].filter(differ)
  if (telling.length > 0) return chooseFewest(telling, textsOf)
  const haveCommonName = natural.some((name) => name !== member && textsOf(name)[0] !== '')
  return haveCommonName ? [] : chooseFewest(textNamesOf(items).filter(differ), textsOf)
}

/** The first of `names` that tells all items apart; else several, each of which tells more apart. */
function chooseFewest(names: readonly string[], textsOf: (name: string) => string[]): string[] {
  const count = (chosen: readonly string[]) => {
    const columns = chosen.map(textsOf)
    return new Set(columns[0]?.map((_, row) => JSON.stringify(columns.map((column) => column[row])))).size
  }
  const all = count(names)
  const single = names.find((name) => count([name]) === all)
  if (single !== undefined) return [single]
  return names.reduce<string[]>((chosen, name) => {
    return count([...chosen, name]) > count(chosen) ? [...chosen, name] : chosen
  }, [])
}

/** In the order of the alphabet, because the order of members means nothing. */
function textNamesOf(items: readonly Json[]): string[] {
  const members = items.flatMap((item) => (item.kind === 'object' ? item.members : []))
  return [...new Set(members.filter(({ value }) => value.kind === 'text').map(({ key }) => key))].sort()
}
