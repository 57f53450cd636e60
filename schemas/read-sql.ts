import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ts from 'typescript'

const root = resolve(import.meta.dirname, '..')

/**
 * The SQL of a file, for tests, a statement a line; throws where the schema of a table is only known when it runs.
 */
export function readSql(file: string): string {
  const text = readFileSync(resolve(root, file), 'utf8')
  if (file.endsWith('.sql')) return text.replaceAll(/--.*/g, '')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isTaggedTemplateExpression(node) && node.tag.getText(source).startsWith('sql.'))
      found.push(literalsOf(node.template).join(' ').replaceAll('\n', ' '))
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
