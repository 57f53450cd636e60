import { globSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { publicTables } from './public-tables.ts'
import { readSql } from './read-sql.ts'

const root = resolve(import.meta.dirname, '..')
const names = publicTables.map(({ name }) => name)
/** Code that does not run as the service of its folder, and who runs it: `cli` has the rights of all. */
const callers: Record<string, string[]> = {
  // The normalizer registers what a map that is tried would measure, and rolls it back.
  'services/runtime/module/register-measurement.ts': ['edge', 'normalizer'],
  'services/runtime/module/': ['edge'],
  'services/runtime/': ['edge', 'notifier'],
}
/**
 * Statements whose table is only known when they run: services/normalizer/store/values.ts,
 * services/normalizer/replay/supersede.ts.
 */
const composed = names
  .filter((name) => /^measurement_.*_value$/.test(name))
  .flatMap((name) => ['reads', 'INSERT', 'DELETE'].map((use) => `normalizer ${use} ${name}`))

function runnersOf(file: string, service: string): string[] {
  return Object.entries(callers).find(([folder]) => file.startsWith(folder))?.[1] ?? [service]
}

/** What the SQL of each service does with tables of parma-web, as `<service> reads|INSERT|UPDATE|DELETE <table>`. */
function findUses(): string[] {
  const files = globSync('services/*/**/*.{ts,sql}', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
  const uses = files.flatMap((file) => {
    const [, service = ''] = file.split('/')
    const found = readSql(file)
      .split('\n')
      .flatMap((statement) => [
        ...[...statement.matchAll(/\bpublic\."?(?<table>\w+)/g)].map(({ groups }) => `reads ${groups?.table}`),
        ...[...statement.matchAll(/\b(?<verb>INSERT INTO|UPDATE|DELETE FROM)\s+public\."?(?<table>\w+)/g)].map(
          ({ groups }) => `${groups?.verb?.split(' ')[0]} ${groups?.table}`,
        ),
        ...[
          ...statement.matchAll(/\bINSERT INTO\s+public\."?(?<table>\w+)(?:(?!\bINSERT INTO\b).)*?\bDO UPDATE\b/g),
        ].map(({ groups }) => `UPDATE ${groups?.table}`),
        // The end of a DELETE that is put together elsewhere.
        ...[...statement.matchAll(/^public\."?(?<table>\w+)"? WHERE\b/g)].map(
          ({ groups }) => `DELETE ${groups?.table}`,
        ),
        ...findLocks(statement).map((table) => `locks ${table}`),
      ])
    return runnersOf(file, service).flatMap((caller) => found.map((use) => `${caller} ${use}`))
  })
  return [...new Set([...uses, ...composed])].sort()
}

/** Tables of parma-web whose rows a statement locks: that of the alias behind `OF`, else the first of the query. */
function findLocks(statement: string): string[] {
  return [...statement.matchAll(/\bFOR (?:NO KEY UPDATE|KEY SHARE|UPDATE|SHARE)\b(?: OF (?<alias>\w+))?/g)].flatMap(
    ({ groups, index }) => {
      let query = statement.slice(0, index)
      while (/\([^()]*\)/.test(query)) query = query.replaceAll(/\([^()]*\)/g, '')
      query = query.slice(query.lastIndexOf('(') + 1)
      const table = groups?.alias ? new RegExp(`public\\.(\\w+) ${groups.alias}\\b`) : /\bFROM public\."?(\w+)/
      const [, name = ''] = table.exec(query) ?? []
      return names.includes(name) ? [name] : []
    },
  )
}

test('services do with the tables of parma-web what schemas/public-tables.ts says, and nothing else', () => {
  const said = publicTables.flatMap(({ name, readers, writers, lockers = [] }) => [
    ...readers.map((reader) => `${reader} reads ${name}`),
    ...Object.entries(writers).flatMap(([writer, verbs]) => verbs.map((verb) => `${writer} ${verb} ${name}`)),
    ...lockers.map((locker) => `${locker} locks ${name}`),
  ])
  // Types are no tables, and `some_table` stands for one that is only known when it runs: they are in `composed`.
  const types = ['some_table', 'channel_purpose', 'channel_type', 'frequency', 'health_status', 'role', 'task_status']
  const isAllowedAnyway = (use: string) => said.includes(use.replace(' locks ', ' UPDATE '))
  const uses = findUses().filter((use) => !types.some((type) => use.endsWith(` ${type}`)))
  expect(uses.filter((use) => !(use.includes(' locks ') && isAllowedAnyway(use)))).toEqual(said.sort())
})
