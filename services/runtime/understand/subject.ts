import { sha256 } from '../read/json-text.ts'
import type { Structure } from '../read/parse.ts'
import { plainNumber, withoutEndSlashes } from '../text/plain-key.ts'
import { keyText } from './item-members.ts'

/** Members that say what a payload is about, best first. */
const rootKeys = ['url', 'html_url', 'permalink', 'id'] as const
type Members = Partial<Record<(typeof rootKeys)[number], string>>

/**
 * What payloads of a company and source are about. `key`: as its first payload gave it, by which its series are found.
 * `members`: by what it is known, each in its normal form.
 */
export type Subject = { key: string; members: Members }

/** Beyond it a source has a subject per payload, and each is known by its own key alone. */
const maxSubjects = 50
const maxKeyLength = 512

/**
 * The subject of a payload, and the subjects known after it. A payload is about a known subject if both agree in the best
 * member that both have. One that has no member in common with any is about the only subject there is: a member may be
 * null in one payload. Addresses are the same with and without a slash at the end, and 201 is 201.0.
 */
export function findSubject(root: Structure, known: readonly Subject[]): { key: string; known: readonly Subject[] } {
  const members = membersOf(root)
  const own = rootKeys.map((name) => keyText(root, name)).find((text) => text !== null) ?? ''
  const bare = Object.keys(members).length === 0 ? known.find(({ key }) => key === '') : undefined
  const same = bare ?? known.find((one) => agree(one.members, members) === true) ?? theOnly(known, members)
  if (!same) {
    const key = own.length <= maxKeyLength ? own : sha256(own)
    return { key, known: known.length < maxSubjects ? [...known, { key, members }] : known }
  }
  const knowsMore = Object.keys(members).some((name) => !Object.hasOwn(same.members, name))
  if (!knowsMore) return { key: same.key, known }
  const merged = { key: same.key, members: { ...members, ...same.members } }
  return { key: same.key, known: known.map((one) => (one === same ? merged : one)) }
}

/**
 * The subjects of keys stored before subjects were remembered. By which member one was known is seen from the payload
 * or, if that has other ones, from the looks of the key.
 */
export function recallSubjects(root: Structure, keys: readonly string[]): Subject[] {
  const members = membersOf(root)
  return keys.map((key) => {
    if (key === '') return { key, members: {} }
    const normal = normalOf(key)
    const looksLike = (name: string) => (name === 'id') !== /[/:]/.test(key)
    const name =
      rootKeys.find((one) => members[one] === normal) ??
      rootKeys.find((one) => members[one] !== undefined && looksLike(one)) ??
      rootKeys.find(looksLike)!
    return { key, members: { [name]: normal } }
  })
}

function membersOf(root: Structure): Members {
  return Object.fromEntries(
    rootKeys.flatMap((name) => {
      const text = keyText(root, name)
      return text === null ? [] : [[name, normalOf(text)]]
    }),
  )
}

/** Null if they have no member in common. */
function agree(a: Members, b: Members): boolean | null {
  const common = rootKeys.find((name) => a[name] !== undefined && b[name] !== undefined)
  return common === undefined ? null : a[common] === b[common]
}

function theOnly(known: readonly Subject[], members: Members): Subject | undefined {
  const [only] = known
  return known.length === 1 && only && agree(only.members, members) === null ? only : undefined
}

/** Scheme and host in lower case, and without slashes at the end. Long ones are replaced by their hash. */
function normalOf(text: string): string {
  const plain = plainNumber(text.trim())
  const normal = withoutEndSlashes(plain.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, (start) => start.toLowerCase()))
  return normal.length <= maxKeyLength ? normal : sha256(normal)
}
