import { excerpt } from '#runtime/text/shorten.ts'

/** One thing that differs. `path` is empty where the whole is one value; null: it was not there. */
export type Difference = { path: string; before: string | null; after: string | null }

const longestText = 160

/** What an audit row says was changed, member by member, in the order of their names as they were written. */
export function difference(before: unknown, after: unknown): Difference[] {
  const [old, now] = [flatten(before), flatten(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((path) => {
    const [was, is] = [old.get(path) ?? null, now.get(path) ?? null]
    return was === is ? [] : [{ path, before: shorten(was), after: shorten(is) }]
  })
}

const shorten = (text: string | null) => (text === null ? null : excerpt(text, longestText))

/** Members of objects by their path. Lists are one value, because an index says nothing to a person. */
function flatten(value: unknown, path = ''): Map<string, string> {
  if (value === null || value === undefined) return new Map(path === '' ? [] : [[path, 'none']])
  if (typeof value !== 'object') return new Map([[path, String(value)]])
  if (Array.isArray(value)) return new Map([[path, value.every(isPlain) ? value.join(', ') : JSON.stringify(value)]])
  const members = Object.entries(value).flatMap(([name, member]) => [
    ...flatten(member, path === '' ? name : `${path} ${name}`),
  ])
  return new Map(members.length > 0 || path === '' ? members : [[path, 'empty']])
}

const isPlain = (value: unknown) => typeof value === 'string' || typeof value === 'number'
