import { createHash } from 'node:crypto'
import { factsQuery } from '../../schemas/public-facts.ts'
import type { TestDatabase } from './database.ts'

export { publicFactsHash } from '../../schemas/public-facts.ts'

/** The facts about the schema `public` of a database, sorted. */
export async function readPublicFacts(database: TestDatabase): Promise<string[]> {
  return (await database.query<{ fact: string }>(factsQuery)).map(({ fact }) => fact).sort()
}

export function hashFacts(facts: readonly string[]): string {
  return createHash('sha256').update(facts.join('\n')).digest('hex')
}
