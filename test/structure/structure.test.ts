import { describe, expect, it } from 'vitest'
import { findDuplicates } from './duplicates.ts'
import { findCycles, linkModules } from './graph.ts'
import { findBreaches, limits, measureServices } from './measure.ts'
import { type Module, readModule } from './read-module.ts'

const read = (files: Record<string, string>): Module[] =>
  Object.entries(files).map(([path, text]) => readModule(path, text))
const edges = (files: Record<string, string>, kind: 'written' | 'declared' = 'declared') =>
  linkModules(read(files))[kind].map(({ from, to, isType }) => `${from} ${isType ? 'type ' : ''}${to}`)
const breaches = (files: Record<string, string>) => {
  const modules = read(files)
  return findBreaches(modules, linkModules(modules)).map(({ text }) => text)
}

describe('who imports whom', () => {
  it.each([
    ['a value', `import { b } from './b.ts'`, ['a.ts b.ts']],
    ['a type', `import type { b } from './b.ts'`, ['a.ts type b.ts']],
    ['a type among values', `import { b, type t } from './b.ts'`, ['a.ts b.ts']],
    ['types only, each marked', `import { type b, type t } from './b.ts'`, ['a.ts type b.ts']],
    ['effects', `import './b.ts'`, ['a.ts b.ts']],
    ['a whole module', `import * as b from './b.ts'`, ['a.ts b.ts']],
    ['a dynamic import', `const b = await import('./b.ts')`, ['a.ts b.ts']],
    ['a type in place', `type B = import('./b.ts').t`, ['a.ts type b.ts']],
    ['a package', `import { b } from 'b'`, []],
  ])('%s', (_, text, expected) => {
    expect(edges({ 'a.ts': text, 'b.ts': 'export const b = 1; export type t = 1' })).toEqual(expected)
  })

  it('follows the import map of package.json', () => {
    const files = {
      'test/a.ts': `import '#runtime/b.ts'; import '#schemas/c.ts'`,
      'services/runtime/b.ts': '',
      'schemas/c.ts': '',
    }
    expect(edges(files)).toEqual(['test/a.ts services/runtime/b.ts', 'test/a.ts schemas/c.ts'])
  })

  it.each([
    ['by name', `export { c } from './c.ts'`],
    ['under another name', `export { d as c } from './c.ts'`],
    ['with all others', `export * from './c.ts'`],
    ['after an import', `import { c } from './c.ts'; export { c }`],
  ])('finds the file that declares what another hands on %s', (_, text) => {
    const files = { 'a.ts': `import { c } from './b.ts'`, 'b.ts': text, 'c.ts': 'export const c = 1, d = 2' }
    expect(edges(files)).toEqual(['a.ts c.ts', 'b.ts c.ts'])
    expect(edges(files, 'written')).toEqual(['a.ts b.ts', 'b.ts c.ts'])
  })
})

describe('cycles', () => {
  it('is one shortest cycle of each knot', () => {
    const arrows = ['a b', 'b c', 'c a', 'b a', 'd e', 'e d', 'e a'].map((arrow) => {
      const [from = '', to = ''] = arrow.split(' ')
      return { from, to }
    })
    expect(findCycles(arrows)).toEqual([
      ['a', 'b'],
      ['d', 'e'],
    ])
  })

  it('tells cycles of values from cycles of types and of rooms', () => {
    expect(breaches({ 'a.ts': `import { b } from './b.ts'`, 'b.ts': `import { a } from './a.ts'` })).toEqual([
      'cycle of imports: a.ts → b.ts → a.ts',
    ])
    expect(breaches({ 'a.ts': `import { b } from './b.ts'`, 'b.ts': `import type { a } from './a.ts'` })).toEqual([
      'cycle of types: a.ts → b.ts → a.ts',
    ])
    const rooms = {
      'services/s/one/a.ts': `import { b } from '../two/b.ts'`,
      'services/s/two/b.ts': 'export const b = 1',
      'services/s/two/c.ts': `import { d } from '../one/d.ts'`,
      'services/s/one/d.ts': 'export const d = 1',
    }
    expect(breaches(rooms)).toEqual(['cycle of rooms: services/s/one → services/s/two → services/s/one'])
  })
})

describe('limits', () => {
  const linesOf = (count: number) => 'let a\n'.repeat(count)
  const functionOf = (count: number) => `function long() {\n${linesOf(count - 2)}}\n`

  it('holds for files and functions outside tests', () => {
    expect(breaches({ 'deploy/a.ts': linesOf(limits.fileLines) })).toEqual([])
    expect(breaches({ 'deploy/a.ts': linesOf(limits.fileLines + 1) })).toEqual([
      'deploy/a.ts has 251 lines, more than 250',
    ])
    expect(breaches({ 'deploy/a.ts': functionOf(limits.functionLines) })).toEqual([])
    expect(breaches({ 'deploy/a.ts': `\n${functionOf(limits.functionLines + 1)}` })).toEqual([
      'deploy/a.ts:2 long has 70 lines, more than 69',
    ])
    expect(breaches({ 'test/a.ts': linesOf(999), 'deploy/a.test.ts': functionOf(200) })).toEqual([])
  })

  it('names a function by what holds it', () => {
    const body = `() => {\n${linesOf(limits.functionLines)}}`
    expect(breaches({ 'deploy/a.ts': `const b = ${body}` })).toEqual(['deploy/a.ts:1 b has 71 lines, more than 69'])
    expect(breaches({ 'deploy/a.ts': `call(${body})` })).toEqual([
      'deploy/a.ts:1 a function has 71 lines, more than 69',
    ])
  })

  it('holds for rooms, whose tests do not count, and not for the root of a service', () => {
    const files = (folder: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`services/s/${folder}f${n}.ts`, 'let a']))
    expect(breaches({ ...files('', 40), ...files('room/', 12), 'services/s/room/f.test.ts': '' })).toEqual([])
    expect(breaches(files('room/', 13))).toEqual(['services/s/room/ has 13 files, more than 12'])
  })

  it.each([
    `export * from './b.ts'`,
    `export { b } from './b.ts'`,
    `import { b } from './b.ts'; export { b }`,
    `import { b } from './b.ts'; export const c = b`,
    `import type { b } from './b.ts'; export type c = b`,
    `import { b } from './b.ts'; export function c(x: string, y: number) { return b(x, y) }`,
    `import { b } from './b.ts'; export const c = (x: string) => b(x)`,
  ])('refuses a file that only forwards: %s', (text) => {
    expect(breaches({ 'a.ts': text })).toEqual([expect.stringContaining('a.ts only forwards')])
  })

  it.each([
    `import { b } from './b.ts'; b()`,
    `import { b } from './b.ts'; export const c = (x: string) => b(x, 1)`,
    `import { b } from './b.ts'; export const c = b.length`,
    `export const c = 1; export * from './b.ts'`,
    ``,
  ])('takes one that does more: %s', (text) => {
    expect(breaches({ 'a.ts': text })).toEqual([])
  })
})

it('counts files, rooms and imports of a service', () => {
  const modules = read({
    'services/s/main.ts': `import { a } from './one/a.ts'`,
    'services/s/one/a.ts': `import { b } from '../two/b.ts'; import { c } from './c.ts'`,
    'services/s/one/a.test.ts': `import { b } from '../two/b.ts'`,
    'services/s/one/c.ts': `import { b, d } from '../two/b.ts'; export const c = 1`,
    'services/s/two/b.ts': `export const b = 1; export { d } from './d.ts'`,
    'services/s/two/d.ts': `export const d = 1`,
  })
  expect(measureServices(modules, linkModules(modules))).toEqual([
    { service: 's', files: 5, rooms: 2, imports: 6, importsAcross: 3, filesAcross: 2, roomPairs: 1 },
  ])
})

it('finds stretches of six or more equal lines, whatever stands between them', () => {
  const stretch = ['one()', 'two()', 'three()', 'four()', 'five()', 'six()', 'seven()']
  const find = (a: string[], b: string[]) =>
    findDuplicates(
      new Map(
        [
          ['a', a],
          ['b', b],
        ].map(([path, lines]) => [path as string, (lines as string[]).join('\n')]),
      ),
    )
  expect(find(['zero()', ...stretch], stretch)).toEqual([{ places: ['a:2', 'b:1'], line: 'one()' }])
  expect(find(stretch, stretch.slice(0, 5))).toEqual([])
  expect(
    find(
      stretch,
      stretch.flatMap((line) => [`  ${line}`, '', '}']),
    ),
  ).toHaveLength(1)
  expect(find([...stretch, ...stretch], stretch)).toHaveLength(3)
})
