import { expect, test } from 'vitest'
import { newDatabaseName, requireTestName, templateDatabase } from './database-names.ts'

test('only databases with the word test in their names are touched', () => {
  for (const name of [newDatabaseName(), templateDatabase, 'test']) expect(requireTestName(name)).toBe(name)
  for (const name of ['parma', 'postgres', 'contest', 'latest_parma', 'testimony', ''])
    expect(() => requireTestName(name)).toThrow(/not the name of a test database/)
})

test('no two names are alike', () => {
  expect(newDatabaseName()).not.toBe(newDatabaseName())
})
