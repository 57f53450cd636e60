import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { sharedViews } from './views.ts'

const root = resolve(import.meta.dirname, '..')
const owners = ['edge', 'raw_sink', 'normalizer', 'analyzer', 'notifier', 'scheduler', 'cli']
const relation = new RegExp(`\\b(?<owner>${owners.join('|')})\\.(?<name>[a-z_]+)`, 'g')

/** The SQL of a file; throws where the schema of a table is only known when it runs. */
function readSql(file: string): string {
  const text = readFileSync(resolve(root, file), 'utf8')
  if (file.endsWith('.sql')) return text.replaceAll(/--.*/g, '')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isTaggedTemplateExpression(node) && node.tag.getText(source).startsWith('sql.'))
      found.push(literalsOf(node.template).join(' '))
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'sql.identifier')
      found.push(readIdentifier(node))
    ts.forEachChild(node, visit)
  }
  const readIdentifier = ({ arguments: [list] }: ts.CallExpression): string => {
    const [schema, name] = list && ts.isArrayLiteralExpression(list) ? list.elements : []
    if (schema && name && ts.isStringLiteral(schema))
      return `${schema.text}.${ts.isStringLiteral(name) ? name.text : 'some_table'}`
    // With one part it is a column or an alias, and the runtime is given the schema of its own service.
    if ((schema && !name) || file.startsWith('services/runtime/')) return ''
    throw new Error(`${file} reads a schema whose name stands nowhere: write sql.fragment\`<schema>.<name>\` instead`)
  }
  visit(source)
  return found.join('\n')
}

function literalsOf(template: ts.TemplateLiteral): string[] {
  if (ts.isNoSubstitutionTemplateLiteral(template)) return [template.text]
  return [template.head.text, ...template.templateSpans.map(({ literal }) => literal.text)]
}

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
