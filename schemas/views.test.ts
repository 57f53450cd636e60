import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readSql } from './read-sql.ts'
import { sharedViews } from './views.ts'

const root = resolve(import.meta.dirname, '..')
const owners = ['edge', 'raw_sink', 'normalizer', 'analyzer', 'notifier', 'scheduler', 'cli']
const relation = new RegExp(`\\b(?<owner>${owners.join('|')})\\.(?<name>[a-z_]+)`, 'g')

/** Which of others' tables and views each service's SQL names, as `<service> reads <schema>.<name>`. */
function findForeignReads(): string[] {
  const files = globSync('services/*/**/*.{ts,sql}', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
  const reads = files.flatMap((file) => {
    const service = file.split('/')[1] ?? ''
    const names = [...readSql(file).matchAll(relation)].filter(
      ({ groups }) => groups?.owner !== service.replaceAll('-', '_'),
    )
    return names.map(([name]) => `${service} reads ${name}`)
  })
  return [...new Set(reads)].sort()
}

test('services read of each other what schemas/views.ts says, and nothing else', () => {
  const offered = sharedViews.flatMap(({ name, readers }) => readers.map((reader) => `${reader} reads ${name}`))
  expect(findForeignReads()).toEqual(offered.sort())
})

test('every shared view is made by its owner', () => {
  for (const { name } of sharedViews) {
    const [owner = '', relationName = ''] = name.split('.')
    const migrations = globSync(`services/${owner.replaceAll('_', '-')}/migrations/*.sql`, { cwd: root })
    const text = migrations.map((file) => readFileSync(resolve(root, file), 'utf8')).join('\n')
    expect(text).toMatch(new RegExp(`CREATE (VIEW|TABLE) ${relationName}\\b`))
  }
})
