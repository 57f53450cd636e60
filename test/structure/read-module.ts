import ts from 'typescript'

/** One name that a file takes from another: `*` is the whole module, an empty name only its effects. */
type Import = { from: string; name: string; isType: boolean }

/** What an exported name stands for: something declared here, or a name of another file. */
type Export = { name: string; source: { from: string; name: string } | null }

type LongFunction = { name: string; line: number; lines: number }

export type Module = {
  /** Relative to the repository, with slashes. */
  path: string
  lines: number
  imports: Import[]
  exports: Export[]
  /** Files whose every export this one hands on. */
  stars: string[]
  functions: LongFunction[]
  /** Whether it has exports, and each of them only hands on what another file declares. */
  forwards: boolean
}

/** Reads the text of a TypeScript file, without looking at any other. Specifiers stay as they are written. */
export function readModule(path: string, text: string): Module {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports = source.statements.filter(ts.isImportDeclaration).flatMap(readImport)
  const handedOn = source.statements.filter(ts.isExportDeclaration)
  const reexports = handedOn.flatMap((declaration) => readReexport(declaration, bindings(source)))
  const stars = handedOn.filter(({ exportClause }) => !exportClause).flatMap((star) => specifierOf(star) ?? [])
  const within = readWithin(source)
  return {
    path,
    lines: source.getLineAndCharacterOfPosition(text.trimEnd().length).line + 1,
    imports: [...imports, ...handedOn.flatMap(importsOfReexport), ...within.imports],
    exports: [...reexports, ...source.statements.flatMap(readDeclared)],
    stars,
    functions: within.functions,
    forwards: forwards(source),
  }
}

function readImport(declaration: ts.ImportDeclaration): Import[] {
  const from = specifierOf(declaration) ?? ''
  const clause = declaration.importClause
  if (!clause) return [{ from, name: '', isType: false }]
  const isType = clause.phaseModifier === ts.SyntaxKind.TypeKeyword
  const found: Import[] = clause.name ? [{ from, name: 'default', isType }] : []
  const named = clause.namedBindings
  if (named && ts.isNamespaceImport(named)) found.push({ from, name: '*', isType })
  else if (named)
    for (const element of named.elements)
      found.push({ from, name: (element.propertyName ?? element.name).text, isType: isType || element.isTypeOnly })
  return found
}

function importsOfReexport(declaration: ts.ExportDeclaration): Import[] {
  const from = specifierOf(declaration)
  if (from === undefined) return []
  const clause = declaration.exportClause
  if (!clause || !ts.isNamedExports(clause)) return [{ from, name: '*', isType: declaration.isTypeOnly }]
  return clause.elements.map(({ name, propertyName, isTypeOnly }) => ({
    from,
    name: (propertyName ?? name).text,
    isType: declaration.isTypeOnly || isTypeOnly,
  }))
}

/** Local names of a file that another file declares. */
function bindings(source: ts.SourceFile): Map<string, { from: string; name: string }> {
  const found = new Map<string, { from: string; name: string }>()
  for (const declaration of source.statements.filter(ts.isImportDeclaration)) {
    const from = specifierOf(declaration) ?? ''
    const clause = declaration.importClause
    if (clause?.name) found.set(clause.name.text, { from, name: 'default' })
    const named = clause?.namedBindings
    if (named && ts.isNamespaceImport(named)) found.set(named.name.text, { from, name: '*' })
    else if (named)
      for (const { name, propertyName } of named.elements)
        found.set(name.text, { from, name: (propertyName ?? name).text })
  }
  return found
}

function readReexport(
  declaration: ts.ExportDeclaration,
  imported: Map<string, { from: string; name: string }>,
): Export[] {
  const clause = declaration.exportClause
  if (!clause) return []
  const from = specifierOf(declaration)
  if (!ts.isNamedExports(clause)) return [{ name: clause.name.text, source: { from: from ?? '', name: '*' } }]
  return clause.elements.map(({ name, propertyName }) => {
    const original = (propertyName ?? name).text
    return {
      name: name.text,
      source: from === undefined ? (imported.get(original) ?? null) : { from, name: original },
    }
  })
}

function readDeclared(statement: ts.Statement): Export[] {
  if (ts.isExportAssignment(statement)) return [{ name: 'default', source: null }]
  if (!isExported(statement)) return []
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => namesOf(name)).map(declaredHere)
  if (hasModifier(statement, ts.SyntaxKind.DefaultKeyword)) return [declaredHere('default')]
  const { name } = statement as ts.DeclarationStatement
  return name ? [declaredHere(name.text)] : []
}

const declaredHere = (name: string): Export => ({ name, source: null })

function namesOf(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesOf(element.name) : []))
}

/** What stands anywhere inside: functions, `import('…')` as an expression and as a type. */
function readWithin(source: ts.SourceFile): { imports: Import[]; functions: LongFunction[] } {
  const found: { imports: Import[]; functions: LongFunction[] } = { imports: [], functions: [] }
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) found.functions.push(measureFunction(source, node))
    const [first] = ts.isCallExpression(node) ? node.arguments : []
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      if (first && ts.isStringLiteralLike(first)) found.imports.push({ from: first.text, name: '*', isType: false })
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
      found.imports.push({ from: node.argument.literal.text, name: '*', isType: true })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function measureFunction(source: ts.SourceFile, node: ts.SignatureDeclaration): LongFunction {
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
  const line = lineOf(node.getStart(source))
  const { parent } = node
  const named = node.name ?? (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name : null)
  return { name: named?.getText(source) ?? 'a function', line, lines: lineOf(node.end) - line + 1 }
}

function forwards(source: ts.SourceFile): boolean {
  const imported = bindings(source)
  const own = source.statements.filter((statement) => !ts.isImportDeclaration(statement))
  return own.length > 0 && own.every((statement) => handsOn(statement, imported))
}

function handsOn(statement: ts.Statement, imported: Map<string, unknown>): boolean {
  const isImported = (node: ts.Node | undefined) => !!node && ts.isIdentifier(node) && imported.has(node.text)
  if (ts.isExportDeclaration(statement)) return handsOnNames(statement, isImported)
  if (ts.isExportAssignment(statement)) return isImported(statement.expression)
  if (!isExported(statement)) return false
  if (ts.isTypeAliasDeclaration(statement)) {
    const { type } = statement
    return ts.isTypeReferenceNode(type) && !type.typeArguments && isImported(type.typeName)
  }
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.every(
      ({ initializer }) => isImported(initializer) || isSameCall(initializer, isImported),
    )
  return ts.isFunctionDeclaration(statement) && isSameCall(statement, isImported)
}

function handsOnNames(
  { exportClause, moduleSpecifier }: ts.ExportDeclaration,
  isImported: (node: ts.Node) => boolean,
): boolean {
  if (moduleSpecifier) return true
  if (!exportClause || !ts.isNamedExports(exportClause)) return false
  return exportClause.elements.every(({ name, propertyName }) => isImported(propertyName ?? name))
}

/** A function that only calls another one with the parameters it got, in their order. */
function isSameCall(node: ts.Node | undefined, isImported: (node: ts.Node) => boolean): boolean {
  if (!node || !(ts.isFunctionDeclaration(node) || ts.isArrowFunction(node)) || !node.body) return false
  const call = onlyExpression(node.body)
  if (!call || !ts.isCallExpression(call) || !isImported(call.expression)) return false
  const given = call.arguments.map((argument) => argument.getText())
  return given.join() === node.parameters.map(({ name }) => name.getText()).join()
}

function onlyExpression(body: ts.Block | ts.Expression): ts.Expression | undefined {
  if (!ts.isBlock(body)) return body
  const [statement, ...more] = body.statements
  if (!statement || more.length > 0) return undefined
  return ts.isReturnStatement(statement) || ts.isExpressionStatement(statement) ? statement.expression : undefined
}

function isExported(statement: ts.Statement): boolean {
  return hasModifier(statement, ts.SyntaxKind.ExportKeyword)
}

function hasModifier(statement: ts.Statement, modifier: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(statement) && !!ts.getModifiers(statement)?.some(({ kind }) => kind === modifier)
}

function specifierOf({ moduleSpecifier }: { moduleSpecifier?: ts.Expression }): string | undefined {
  return moduleSpecifier && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : undefined
}
