import { randomBytes } from 'node:crypto'

/** Holds what parma-web and our migrations create, and no rows. Made by global-setup.ts. */
export const templateDatabase = 'parma_test_template'

export function newDatabaseName(): string {
  return `test_${randomBytes(8).toString('hex')}`
}

/** Returns `name` when it belongs to a test. Throws otherwise: nothing else may ever be created or dropped from here. */
export function requireTestName(name: string): string {
  if (/(^|_)test(_|$)/.test(name)) return name
  throw new Error(`${name} is not the name of a test database: those have the word test in it.`)
}
