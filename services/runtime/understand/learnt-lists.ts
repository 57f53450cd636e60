import type { KnownLists, Lesson } from './identify.ts'
import type { ListKey } from './list-key.ts'

/**
 * Something learnt of a list of a source, for one version of its map. `company_id` and `subject_key` are empty if it
 * counts for all. `members` identify the items (none: their position) or, with `items`, tell apart the items of those
 * keys. `revision` numbers what was learnt of a source and map version, in order.
 */
export type LearntList = {
  path: string
  revision: number
  company_id: string
  subject_key: string
  members: string[]
  items: string[] | null
  numbered: boolean
}

type Asker = {
  company_id: string
  subject_key: string
  /** The item keys of a list that are stored from before list keys were kept; null if the company is newer. */
  storedBefore: (path: string) => ReadonlySet<string> | null
  learns: boolean
}

/** What `rows` say of the lists of one subject of a company. */
export function knownLists(
  rows: readonly LearntList[],
  { company_id, subject_key, storedBefore, learns }: Asker,
): KnownLists {
  const byPath = Map.groupBy(rows, ({ path }) => path)
  const keptOf = (path: string) =>
    byPath.get(path)?.find((row) => row.items === null && row.company_id === company_id && company_id !== '')
  return {
    learns,
    storedBefore: (path) => (keptOf(path) ? null : storedBefore(path)),
    of(path): ListKey | null {
      const those = byPath.get(path)
      if (!those) return null
      const base = keptOf(path) ?? those.find((row) => row.items === null && row.company_id === '')
      const own = those.filter((row) => row.company_id === company_id && row.subject_key === subject_key)
      return {
        member: base?.members[0] ?? null,
        numbered: base?.numbered ?? false,
        widened: new Map(own.flatMap(({ items, members }) => (items ?? []).map((item) => [item, members] as const))),
      }
    },
  }
}

/** The rows of what a payload teaches. */
export function learn(
  lessons: readonly Lesson[],
  { company_id, subject_key }: Pick<Asker, 'company_id' | 'subject_key'>,
  revision: number,
): LearntList[] {
  const nobody = { company_id: '', subject_key: '', items: null, numbered: false, revision }
  return lessons.map((lesson): LearntList => {
    const { path } = lesson
    if (lesson.kind === 'widened')
      return { ...nobody, path, company_id, subject_key, members: lesson.members, items: lesson.items }
    const members = lesson.member === null ? [] : [lesson.member]
    if (lesson.kind === 'key') return { ...nobody, path, members }
    return { ...nobody, path, company_id, members, numbered: lesson.numbered }
  })
}
