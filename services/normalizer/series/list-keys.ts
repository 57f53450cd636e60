import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { LearntList } from '#runtime/understand/learnt-lists.ts'

/** The lists of a source's map version, as one company sends them. */
export type ListScope = { data_source_id: number; map_version: number; company_id: string }

/** What is known of lists: in this process by scope (with company_id empty for what counts for all), up to a revision. */
export type ListKeyCache = LRUCache<string, LearntList[]>
export const createListKeyCache = (maxRows: number): ListKeyCache =>
  new LRUCache({ maxSize: maxRows, sizeCalculation: (rows) => rows.length + 1 })

const listRow = z.object({
  data_source_id: z.number(),
  map_version: z.number(),
  company_id: z.string(),
  path: z.string(),
  revision: z.number(),
  subject_key: z.string(),
  members: z.array(z.string()),
  items: z.array(z.string()).nullable(),
  numbered: z.boolean(),
})
type ListRow = z.infer<typeof listRow>

/** The lists of one batch: what others have learnt and, once added, what the batch teaches. */
export class ListKeys {
  readonly #scopes: readonly ListScope[]
  readonly #rows: Map<string, LearntList[]>

  /** All that counts for the scope. */
  of(scope: ListScope): LearntList[] {
    return [...this.#own({ ...scope, company_id: '' }), ...this.#own(scope)]
  }

  constructor(scopes: readonly ListScope[], cache: ListKeyCache) {
    const all = scopes.flatMap((scope) => [{ ...scope, company_id: '' }, scope])
    const byKey = new Map(all.map((scope) => [keyOf(scope), scope]))
    this.#scopes = [...byKey.values()]
    this.#rows = new Map([...byKey.keys()].map((key) => [key, cache.get(key) ?? []]))
  }

  add(rows: readonly ListRow[]): void {
    for (const row of rows) this.#rows.set(keyOf(row), [...this.#own(row), row])
  }

  /** Scopes and their rows, to be cached once the transaction is committed. */
  entries(): MapIterator<[string, LearntList[]]> {
    return this.#rows.entries()
  }

  #own(scope: ListScope): LearntList[] {
    return this.#rows.get(keyOf(scope)) ?? []
  }

  /** From now on until the transaction ends nobody else learns about the lists of these sources. */
  async lock(tx: Transaction): Promise<void> {
    const sources = new Set(this.#scopes.map(({ data_source_id }) => data_source_id))
    for (const id of [...sources].sort((a, b) => a - b)) await lock(tx, 'normalizer.list_key', id)
    await this.refresh(tx)
  }

  /** Adds what others have learnt since. */
  async refresh(tx: Transaction): Promise<void> {
    this.add(await readNewer(tx, this.#scopes, (scope) => this.#own(scope).at(-1)?.revision ?? 0))
  }
}

async function readNewer(
  tx: Transaction,
  scopes: readonly ListScope[],
  revisionOf: (scope: ListScope) => number,
): Promise<readonly ListRow[]> {
  if (scopes.length === 0) return []
  const column = columnsOf(scopes)
  return tx.any(sql.type(listRow)`
    SELECT k.data_source_id, k.map_version, k.company_id, k.path, k.revision, k.subject_key, k.members, k.items, k.numbered
    FROM unnest(
      ${column('int4', (scope) => scope.data_source_id)},
      ${column('int4', (scope) => scope.map_version)},
      ${column('text', (scope) => scope.company_id)},
      ${column('int4', revisionOf)}
    ) AS n (data_source_id, map_version, company_id, revision)
    JOIN normalizer.list_key AS k ON k.data_source_id = n.data_source_id AND k.map_version = n.map_version
      AND k.company_id = n.company_id AND k.revision > n.revision
    ORDER BY k.revision`)
}

const revisionRow = z.object({ revision: z.number() })

/** The revision of what is learnt next. Call it with the lock. */
export function nextRevision(tx: Transaction, { data_source_id, map_version }: ListScope): Promise<number> {
  return tx.oneFirst(sql.type(revisionRow)`
    SELECT coalesce(max(revision), 0) + 1 AS revision FROM normalizer.list_key
    WHERE data_source_id = ${data_source_id} AND map_version = ${map_version}`)
}

export function insertLists(tx: Transaction, rows: readonly ListRow[]): Promise<void> {
  return insertRecords(
    tx,
    ['normalizer', 'list_key'],
    {
      ...{ data_source_id: 'int4', map_version: 'int4', company_id: 'text', path: 'text', revision: 'int4' },
      ...{ subject_key: 'text', members: 'jsonb', items: 'jsonb', numbered: 'bool' },
    },
    rows.map(({ members, items, ...row }) => ({
      ...row,
      members: JSON.stringify(members),
      items: items && JSON.stringify(items),
    })),
  )
}

const memberRow = z.object({ path: z.string(), map_version: z.number(), member: z.string().nullable() })

/** For lists without a key under this version of the map, the member that identifies their items under the last one. */
export async function readEarlierMembers(
  tx: Transaction,
  { data_source_id, map_version }: ListScope,
  paths: readonly string[],
): Promise<readonly z.infer<typeof memberRow>[]> {
  return tx.any(sql.type(memberRow)`
    SELECT DISTINCT ON (path) path, map_version, members ->> 0 AS member FROM normalizer.list_key
    WHERE data_source_id = ${data_source_id} AND map_version <> ${map_version} AND company_id = ''
      AND path = ANY(${sql.array([...paths], 'text')})
    ORDER BY path, map_version DESC`)
}

/** Takes over what is known of a list from another version of the map, of all companies. */
export async function inheritList(
  tx: Transaction,
  { data_source_id, map_version }: ListScope,
  { path, map_version: earlier }: { path: string; map_version: number },
  revision: number,
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.list_key (data_source_id, path, map_version, revision, company_id, subject_key, members, items, numbered)
    SELECT data_source_id, path, ${map_version}, ${revision}, company_id, subject_key, members, items, numbered
    FROM normalizer.list_key
    WHERE data_source_id = ${data_source_id} AND map_version = ${earlier} AND path = ${path}
    ORDER BY revision`)
}

function keyOf({ data_source_id, map_version, company_id }: ListScope): string {
  return `${data_source_id}/${map_version}/${company_id}`
}
