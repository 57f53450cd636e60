import { jsonText, pathOf } from '#runtime/read/json-text.ts'
import { type Json, parse, type Structure } from '#runtime/read/parse.ts'
import type { CompiledMap } from '#runtime/understand/compile-map.ts'
import { describePayload, type PayloadDescription } from '#runtime/understand/describe-payload.ts'
import { knownLists, learn, type LearntList } from '#runtime/understand/learnt-lists.ts'
import { listLeaves } from '#runtime/understand/list-leaves.ts'
import { normalize } from '#runtime/understand/normalize.ts'
import { findSubject } from '#runtime/understand/subject.ts'
import type { Fed } from './judge-run.ts'

/** A payload as the normalizer understands it. `content`: canonical JSON. */
export type Read = {
  company: string
  source: string
  subject: string
  content: string
  description: PayloadDescription
  /** Leaves with the type that the map gives them; null: none. */
  leaves: { path: string; text: string; type: string | null }[]
  /** Values that are numbers, and whether it says anything else. */
  numbers: { path: string; value: number }[]
  hasTexts: boolean
  observedAt: string | null
  /** The items of lists that are known by their position, as canonical JSON. */
  unnamed: ReadonlyMap<string, string[]>
}

const limits = { MAX_LEAVES: 1_000_000, MAX_DEPTH: 1000 }

/** Reads the payloads of a run in their order, each by what those before it taught of lists. `learnt` grows. */
export function readPayloads(fed: readonly Fed[], map: CompiledMap, learnt: LearntList[]): Read[] {
  return fed.flatMap(({ company, source, text }): Read[] => {
    const { root } = parse(text, limits)
    const data = root && memberOf(root, 'raw_data')
    if (data?.kind !== 'object') return []
    const at = memberOf(root!, 'observed_at')
    const read = readPayload(company, source, data, map, learnt)
    return [{ ...read, observedAt: at?.kind === 'text' ? at.value : null }]
  })
}

function readPayload(company: string, source: string, data: Structure, map: CompiledMap, learnt: LearntList[]) {
  const subject = findSubject(data, []).key
  const asker = { company_id: company, subject_key: subject, storedBefore: () => null, learns: true }
  const known = knownLists(learnt, asker)
  const normalized = normalize(data, map, known)
  const description = describePayload(data, map, normalized, { known })
  learnt.push(...learn(normalized.lessons, asker, learnt.length + 1))
  const types = new Map(normalized.values.map(({ seq, entry }) => [seq, entry.type as string]))
  const numbers = normalized.values.flatMap(({ path, number, entry }) =>
    number === null || entry.type === 'bool' ? [] : [{ path, value: number }],
  )
  return {
    ...{ company, source, subject, content: jsonText(data), description, numbers },
    unnamed: listUnnamed(data, description),
    leaves: [...listLeaves(data)].map(([seq, leaf]) => ({ ...leaf, type: types.get(seq) ?? null })),
    hasTexts: normalized.values.some(
      ({ text, date, members, number }) =>
        number === null && (date !== null || (members ? members.length > 0 : text !== '')),
    ),
  }
}

function listUnnamed(data: Structure, { lists }: PayloadDescription): Map<string, string[]> {
  const paths = new Set(lists.flatMap(({ path, known_by }) => (known_by === null ? [path] : [])))
  const found = new Map<string, string[]>()
  const visit = (node: Json, path: string): void => {
    if (node.kind === 'object') for (const { key, value } of node.members) visit(value, pathOf(path, key))
    if (node.kind !== 'list') return
    const own = `${path}[]`
    if (paths.has(own)) found.set(own, [...(found.get(own) ?? []), ...node.items.map(jsonText)])
    for (const item of node.items) visit(item, own)
  }
  visit(data, '')
  return found
}

function memberOf(root: Json, name: string): Json | undefined {
  if (root.kind !== 'object') return undefined
  return root.members.find(({ key, overridden }) => key === name && !overridden)?.value
}
