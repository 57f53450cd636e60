import { afterEach, expect, test, vi } from 'vitest'
import { printRows } from './commands.ts'

const rows = [
  { id: 1, name: 'github', next: null },
  { id: 12, name: 'npm', next: '2026-03-10T12:00Z' },
]
const columns = process.stdout.columns
afterEach(() => {
  process.stdout.columns = columns
  vi.restoreAllMocks()
})

/** What printRows prints in a terminal of this width. */
function printed(width: number | undefined, shown: readonly Record<string, unknown>[] = rows, json = false): string {
  process.stdout.columns = width as number
  const log = vi
    .spyOn(console, 'log')
    .mockClear()
    .mockImplementation(() => undefined)
  printRows(shown, json)
  return log.mock.calls.flat().join('\n')
}

test('rows are a table where it fits the terminal, or where there is none', () => {
  const table = 'id  name    next\n1   github  -\n12  npm     2026-03-10T12:00Z'
  expect(printed(undefined)).toBe(table)
  expect(printed(29)).toBe(table)
})

test('times have one form in tables, and ISO 8601 in JSON', () => {
  const shown = [{ next: '2026-03-10T12:00:59.999Z', last: null, sample: '2026-03-10T12:00:00Z' }]
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  printRows(shown, false, ['next', 'last'])
  printRows(shown, true, ['next', 'last'])
  expect(String(log.mock.calls.slice(0, 2).flat().join('\n'))).toBe(
    'next                  last  sample\n2026-03-10 12:00 UTC  -     2026-03-10T12:00:00Z',
  )
  expect(JSON.parse(String(log.mock.calls.at(-1)))).toEqual(shown)
})

test('rows are a block each where the table is wider than the terminal', () => {
  expect(printed(28)).toBe('id    1\nname  github\nnext  -\n\nid    12\nname  npm\nnext  2026-03-10T12:00Z')
})

test('a cell is one line and has no characters that a terminal would obey', () => {
  const hostile = [{ id: 1, name: 'a\u001b[2J\nforged  row\u202e' }]
  expect(printed(undefined, hostile)).toBe('id  name\n1   a\\u001b[2J\\nforged  row\\u202e')
  expect(printed(20, hostile)).toBe('id    1\nname  a\\u001b[2J\\nforged  row\\u202e')
  expect(printed(undefined, [{ name: '\u009b2J\u202e' }], true)).toContain('"\\u009b2J\\u202e"')
})

test('columns after wide characters are aligned', () => {
  const cells = [
    { name: '北京', id: 1 },
    { name: 'npm', id: 2 },
  ]
  expect(printed(undefined, cells)).toBe('name  id\n北京  1\nnpm   2')
})

test('a cell that would fill the screen is cut', () => {
  const long = [{ id: 1, sample: 'x'.repeat(20_000) }]
  expect(printed(undefined, long)).toBe(`id  sample${'\n'}1   ${'x'.repeat(399)}…`)
  expect(printed(20, long)).toBe(`id      1\nsample  ${'x'.repeat(79)}…`)
  expect(printed(20, long, true)).toContain('x'.repeat(20_000))
})
