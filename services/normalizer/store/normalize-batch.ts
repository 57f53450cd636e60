import type { Transaction } from '#runtime/postgres/database.ts'
import { hasLists, type Lesson } from '#runtime/understand/identify.ts'
import { knownLists, learn } from '#runtime/understand/learnt-lists.ts'
import { normalize, type Normalized } from '#runtime/understand/normalize.ts'
import { findSubject, recallSubjects } from '#runtime/understand/subject.ts'
import type { PayloadRefused, Readable } from '#runtime/understand/understand.ts'
import type { Clocks } from '../ledger/observed-clock.ts'
import type { Matched } from '../ledger/work.ts'
import {
  inheritList,
  insertLists,
  type ListKeyCache,
  ListKeys,
  type ListScope,
  nextRevision,
  readEarlierMembers,
} from '../series/list-keys.ts'
import { readStoredBefore, type StoredBefore } from '../series/stored-before.ts'

type Fresh = Matched<Readable> & { result: Readable }
/** What a batch knows. `before`: what was stored of a company, by pairOf. */
type Knowledge = { clocks: Clocks; lists: ListKeys; before: Map<string, StoredBefore>; isLocked: boolean }

/**
 * Normalizes the fresh payloads of a batch, each by what those before it have taught about lists and subjects, and
 * stores what it teaches itself. Their rows in the ledger name the subject and the revision of the lists, and a replay
 * uses those of its event.
 */
export async function normalizeBatch(
  tx: Transaction,
  fresh: readonly Matched<Readable>[],
  clocks: Clocks,
  cache: ListKeyCache,
): Promise<{ fresh: Matched[]; lists: ListKeys }> {
  const lists = new ListKeys(fresh.filter(isReadable).filter(mayHaveLists).map(scopeOf), cache)
  await lists.refresh(tx)
  const knowledge: Knowledge = { clocks, lists, before: new Map(), isLocked: false }
  const normalized: Matched[] = []
  for (const one of fresh)
    normalized.push(
      isReadable(one) ? await normalizeOne(tx, one, knowledge) : { ...one, result: one.result as PayloadRefused },
    )
  return { fresh: normalized, lists }
}

function isReadable(one: Matched<Readable>): one is Fresh {
  return !('reason' in one.result)
}

function mayHaveLists({ result }: Fresh): boolean {
  return hasLists(result.map.root)
}

function scopeOf({ result, row }: Fresh) {
  return { data_source_id: row.data_source_id, map_version: result.mapVersion, company_id: row.company_id }
}

async function normalizeOne(tx: Transaction, one: Fresh, knowledge: Knowledge): Promise<Matched> {
  const { row, result } = one
  row.subject_key = await findSubjectOf(tx, one, knowledge)
  const normalized = mayHaveLists(one)
    ? await normalizeWithLists(tx, one, knowledge)
    : normalize(result.data, result.map)
  const revisions = knowledge.lists.of(scopeOf(one)).map(({ revision }) => revision)
  row.list_revision = one.like?.list_revision ?? Math.max(0, ...revisions)
  row.empty_lists = normalized.empty.length > 0 ? normalized.empty : null
  return { ...one, result: { ...result, normalized } }
}

async function findSubjectOf(tx: Transaction, one: Fresh, knowledge: Knowledge): Promise<string> {
  const { row, first, like, result } = one
  const known = like ?? (first !== row && first.reason === null ? first : null)
  if (known) return known.subject_key
  const clock = knowledge.clocks.of(row)
  clock.subjects ??= recallSubjects(result.data, (await recall(tx, one, knowledge)).subjects)
  const found = findSubject(result.data, clock.subjects)
  clock.knowsMore ||= clock.isOld || found.known !== clock.subjects
  clock.subjects = found.known
  return found.key
}

async function normalizeWithLists(tx: Transaction, one: Fresh, knowledge: Knowledge): Promise<Normalized> {
  const { lists } = knowledge
  const { row } = one
  let normalized = await attempt(tx, one, knowledge)
  if (normalized.lessons.length === 0) return normalized
  if (!knowledge.isLocked) {
    await lists.lock(tx)
    knowledge.isLocked = true
    normalized = await attempt(tx, one, knowledge)
  }
  if (normalized.lessons.length === 0) return normalized
  const scope = scopeOf(one)
  const revision = await nextRevision(tx, scope)
  if (await inheritLists(tx, scope, normalized.lessons, revision)) {
    await lists.refresh(tx)
    normalized = await attempt(tx, one, knowledge)
  }
  const learnt = learn(normalized.lessons, row, revision).map((list) => ({ ...scope, ...list }))
  await insertLists(tx, learnt)
  lists.add(learnt)
  return normalized
}

/** Normalizes a payload by what is known of its lists: of a replay, by what was known when its event was understood. */
async function attempt(tx: Transaction, one: Fresh, knowledge: Knowledge): Promise<Normalized> {
  const { row, result, like } = one
  const pinned = like?.list_revision ?? null
  const rows = knowledge.lists.of(scopeOf(one)).filter(({ revision }) => pinned === null || revision <= pinned)
  const isOld = pinned === null && knowledge.clocks.of(row).isOld
  let wantsStored = false
  const normalizeBy = (stored: StoredBefore | undefined) =>
    normalize(
      result.data,
      result.map,
      knownLists(rows, {
        ...{ company_id: row.company_id, subject_key: row.subject_key, learns: pinned === null },
        storedBefore: (path) => {
          wantsStored ||= isOld
          return stored?.itemsOf(row.subject_key, path) ?? null
        },
      }),
    )
  const normalized = normalizeBy(undefined)
  return wantsStored ? normalizeBy(await recall(tx, one, knowledge)) : normalized
}

/** What is stored of the payload's company and source, read once in a batch. */
async function recall(tx: Transaction, { row }: Fresh, { before }: Knowledge): Promise<StoredBefore> {
  const pair = `${row.data_source_id}/${row.company_id}`
  const stored = before.get(pair) ?? (await readStoredBefore(tx, row))
  before.set(pair, stored)
  return stored
}

/** Takes over lists from the last version of the map, if items still have the member by which they were known. */
async function inheritLists(
  tx: Transaction,
  scope: ListScope,
  lessons: readonly Lesson[],
  revision: number,
): Promise<boolean> {
  const fresh = lessons.filter((lesson) => lesson.kind === 'key')
  const earlier = await readEarlierMembers(
    tx,
    scope,
    fresh.map(({ path }) => path),
  )
  const fitting = earlier.filter(({ path, member }) =>
    fresh.some((one) => one.path === path && member !== null && one.names.includes(member)),
  )
  for (const list of fitting) await inheritList(tx, scope, list, revision)
  return fitting.length > 0
}
