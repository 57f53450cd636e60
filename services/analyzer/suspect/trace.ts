import { createHash } from 'node:crypto'
import { innermostList } from '#runtime/text/value-path.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { type Payload, seriesOf } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { readValue, type Value } from '../values/value.ts'

/** What is remembered of the last payload of a subject, so that the next one can be compared with it. */
export type Trace = {
  leaves: number
  /** Numbers and texts of its source measurements, by id. */
  counts: Record<string, number>
  /** The items of its outermost lists in order, as short hashes, by path: `repos[]`. */
  lists: Record<string, string[]>
  /** Numbers outside of lists, by source measurement. */
  numbers: Record<string, number>
  /** How many numbers changed with each of the newest payloads, the newest last. */
  moves: number[]
  /** Of all that it says. */
  content: string
  /** Of its subject and its texts and links outside of lists: whom it is about. Null if they say too little. */
  identity: string | null
}

/** A value that was something and is nothing now: zero, an empty text or an empty list. `key`: its series. */
type Emptied = { key: string; value: ObservedValue; before: Value }

/** A payload compared with the states of its series before it. */
export type Reading = {
  trace: Trace
  /** How many numbers had a value before; how many of these were not zero, and how many changed. */
  known: number
  nonZero: number
  moved: number
  emptied: Emptied[]
  /** What all changed numbers of a source measurement became; null if that is not one number. Zeros do not count. */
  became: Map<number, ObservedValue | null>
}

const keptMoves = 12
const keptNumbers = 16
const keptItems = 200
/** Texts outside of lists shorter than this together may be those of another company by chance. */
const minIdentity = 20

/** Reads what of a payload can be compared. `states`: of its series before it, by seriesKey. */
export function readPayload(
  payload: Payload,
  before: Trace | null,
  states: ReadonlyMap<string, Pick<SeriesState, 'last'>>,
): Reading {
  const trace: Trace = {
    ...{ leaves: 0, counts: {}, lists: {}, numbers: numbersOf(payload), moves: [] },
    ...{ content: hashOf(payload.values.map(contentOf)), identity: identify(payload) },
  }
  const reading: Reading = { trace, known: 0, nonZero: 0, moved: 0, emptied: [], became: new Map() }
  for (const [key, value] of seriesOf(payload)) {
    trace.leaves++
    const id = value.source_measurement_id
    trace.counts[id] = (trace.counts[id] ?? 0) + 1
    const now = readValue(value)
    const last = states.get(key)?.last
    if (now?.kind === 'number') {
      if (last?.kind === 'number') {
        reading.known++
        if (last.number !== 0) reading.nonZero++
        if (last.number !== now.number) {
          reading.moved++
          if (now.number !== 0) reading.became.set(id, isOneNumber(reading.became.get(id), value) ? value : null)
        }
      }
    }
    if (now && last && isEmpty(now) && !isEmpty(last)) reading.emptied.push({ key, value, before: last })
  }
  trace.lists = listsOf(payload)
  trace.moves = [...(before?.moves ?? []), ...(before ? [reading.moved] : [])].slice(-keptMoves)
  return reading
}

/** The first numbers outside of lists, by source measurement. */
export function numbersOf({ values }: Payload): Trace['numbers'] {
  const numbers: Trace['numbers'] = {}
  let count = 0
  for (const { item_key, number, source_measurement_id } of values) {
    if (item_key !== null || number === null) continue
    numbers[source_measurement_id] = number
    if (++count === keptNumbers) break
  }
  return numbers
}

function isOneNumber(before: ObservedValue | null | undefined, { number }: ObservedValue): boolean {
  return before === undefined || before?.number === number
}

function isEmpty(value: Value): boolean {
  if (value.kind === 'number') return value.number === 0
  if (value.kind === 'text') return value.text === ''
  return value.kind === 'set' && value.members.length === 0
}

/** The items of each list that is in no other one, in the order of the payload. */
function listsOf({ values, empty_lists }: Payload): Trace['lists'] {
  const lists = new Map<string, Set<string>>()
  for (const { path, outer_key } of empty_lists) if (outer_key === null) lists.set(path, new Set())
  for (const { path, item_key } of values) {
    const list = item_key === null ? null : innermostList(path)
    if (list === null || list.indexOf('[]') !== list.length - 2) continue
    const items = lists.get(list) ?? new Set<string>()
    if (items.size === 0) lists.set(list, items)
    if (items.size < keptItems) items.add(shortHash(item_key!))
  }
  return Object.fromEntries([...lists].map(([list, items]) => [list, [...items]]))
}

/** FNV-1a: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv. It need not withstand anybody. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(36)
}

function contentOf({ path, item_key, number, text, date, members }: ObservedValue): string {
  return `${path}\0${item_key ?? ''}\0${number ?? text ?? date ?? members?.join('\0') ?? ''}`
}

/** A hash of what a payload says of itself outside of lists; null if that is too little. */
export function identify({ subject_key, values }: Payload): string | null {
  const own = values.filter(({ item_key, text }) => item_key === null && text !== null)
  const texts = [subject_key, ...own.map(contentOf)]
  const length = own.reduce((sum, { text }) => sum + text!.length, subject_key.length)
  return length < minIdentity ? null : hashOf(texts)
}

function hashOf(texts: readonly string[]): string {
  return createHash('sha1').update(texts.join('\u0001')).digest('base64url')
}
