import { randomBytes } from 'node:crypto'

/** The database that tests copy, with all tables and no rows. global-setup.ts creates it. */
export const templateDatabase = 'parma_test_template'

export function newDatabaseName(): string {
  return `test_${randomBytes(8).toString('hex')}`
}

/** Returns `name` when it belongs to a test, and throws otherwise: tests create and drop no other databases. */
export function requireTestName(name: string): string {
  if (/(^|_)test(_|$)/.test(name)) return name
  throw new Error(`${name} is not the name of a test database: those have the word test in it.`)
}
