import { type Asked, RefusedError } from '#runtime/changes/apply-changes.ts'
import { personOf } from '#runtime/changes/roles.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { isVisibleBucket, isVisibleCompany } from '#runtime/postgres/visible.ts'

// What a change names must exist, and a person must be able to see it. Both refusals are the same, so that nobody learns
// which ids there are.

/** Throws a RefusedError unless there is such a person. */
export async function requirePerson(tx: Transaction, person: number): Promise<void> {
  await require(tx, sql.fragment`public."user" p WHERE p.id = ${person}`, `There is no person ${person}.`)
}

/** Throws a RefusedError unless there is such a company, and the actor may see it. */
export async function requireCompany(tx: Transaction, { actor }: Asked, company: number): Promise<void> {
  const person = personOf(actor)
  const isVisible = person === null ? sql.fragment`true` : isVisibleCompany(person, sql.fragment`c.id`)
  await require(tx, sql.fragment`public.company c WHERE c.id = ${company} AND ${isVisible}`, `There is no company ${company}, or you may not see it.`)
}

/** The same for a bucket. */
export async function requireBucket(tx: Transaction, { actor }: Asked, bucket: number): Promise<void> {
  const person = personOf(actor)
  const isVisible = person === null ? sql.fragment`true` : isVisibleBucket(person, sql.fragment`b`)
  await require(tx, sql.fragment`public.bucket b WHERE b.id = ${bucket} AND ${isVisible}`, `There is no bucket ${bucket}, or you may not see it.`)
}

async function require(tx: Transaction, rows: SqlFragment, refusal: string): Promise<void> {
  if (!(await tx.exists(sql.unsafe`SELECT FROM ${rows}`))) throw new RefusedError(refusal)
}
