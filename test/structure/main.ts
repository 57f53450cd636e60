// Prints how the source files hang together, service by service, and what breaks a limit or a rule of migrations. With
// --check it prints breaches only and fails when there is one. --duplicates lists the equal lines, --root measures
// another checkout.
import { globSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { findMigrationFaults } from './check-migrations.ts'
import { frozenMigrations } from './frozen-migrations.ts'
import { findDuplicates } from './duplicates.ts'
import { linkModules } from './graph.ts'
import { findBreaches, isSource, measureServices } from './measure.ts'
import { readModule } from './read-module.ts'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: resolve(import.meta.dirname, '../..') },
    check: { type: 'boolean', default: false },
    duplicates: { type: 'boolean', default: false },
  },
})

const paths = globSync('{services,schemas,deploy,test,.ci}/**/*.ts', { cwd: values.root })
  .filter((path) => !path.startsWith('schemas/generated/'))
  .sort()
const texts = new Map(paths.map((path) => [path, readFileSync(join(values.root, path), 'utf8')]))
const modules = [...texts].map(([path, text]) => readModule(path, text))
const graph = linkModules(modules)
const breaches = findBreaches(modules, graph)
const migrations = globSync('services/*/migrations/*', { cwd: values.root }).sort()
const faults = findMigrationFaults(
  migrations.map((path) => ({
    ...{ service: path.split('/')[1] ?? '', name: basename(path) },
    text: readFileSync(join(values.root, path), 'utf8'),
  })),
  Date.now(),
  frozenMigrations,
)

function printMeasures(): void {
  const services = measureServices(modules, graph)
  console.table(Object.fromEntries(services.map(({ service, ...measures }) => [service, measures])))
  const duplicates = findDuplicates(new Map([...texts].filter(([path]) => isSource(path))))
  const outsideTests = modules.filter(({ path }) => isSource(path) && !path.startsWith('test/'))
  const longest = (lines: number[]) => `${Math.max(...lines)} lines`
  const rows = {
    'longest file': longest(outsideTests.map(({ lines }) => lines)),
    'longest function': longest(outsideTests.flatMap(({ functions }) => functions.map(({ lines }) => lines))),
    'pairs of six equal lines': duplicates.length,
    cycles: breaches.filter(({ kind }) => kind === 'cycle').length,
    'files that only forward': breaches.filter(({ kind }) => kind === 'forwards').length,
  }
  for (const { places, line } of values.duplicates ? duplicates : []) console.log(`${places.join(' and ')}: ${line}`)
  for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(26)}${value}`)
}

if (!values.check) printMeasures()
for (const text of [...breaches.map(({ text }) => text), ...faults]) console.error(text)
if (values.check && breaches.length + faults.length > 0) process.exitCode = 1
