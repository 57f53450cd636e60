import type { Erasure } from '#schemas/generated/types.ts'
import type { Mark } from './recognise.ts'
import { redact } from './redact.ts'

/** All that was erased, as each process has it in memory. */
export type Erasures = {
  add(row: Erasure): void
  /** Whether records with this key are about a company that was erased. */
  isErased(companyKey: string): boolean
  /** A value without texts that were erased; the same one where there is none in it. */
  redact<T>(value: T): T
}

export function createErasures(): Erasures {
  const companies = new Set<string>()
  const marks: Mark[] = []
  return {
    add(row) {
      if (row.company_id !== null) companies.add(String(row.company_id))
      const mark = markIn(row)
      if (mark && !marks.some(({ hash }) => hash === mark.hash)) marks.push(mark)
    },
    isErased: (key) => companies.has(key),
    redact: (value) => (marks.length === 0 ? value : redact(value, marks)),
  }
}

/** The mark of a text that was erased; null: it was a company. */
export function markIn({ length, salt, hash, quick }: Erasure): Mark | null {
  return length === null || salt === null || hash === null || quick === null ? null : { length, salt, hash, quick }
}
