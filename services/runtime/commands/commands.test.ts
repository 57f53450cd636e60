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
function printed(width: number | undefined): string {
  process.stdout.columns = width as number
  const log = vi
    .spyOn(console, 'log')
    .mockClear()
    .mockImplementation(() => undefined)
  printRows(rows, false)
  return log.mock.calls.flat().join('\n')
}

test('rows are a table where it fits the terminal, or where there is none', () => {
  const table = 'id  name    next\n1   github  -\n12  npm     2026-03-10T12:00Z'
  expect(printed(undefined)).toBe(table)
  expect(printed(29)).toBe(table)
})

test('rows are a block each where the table is wider than the terminal', () => {
  expect(printed(28)).toBe('id    1\nname  github\nnext  -\n\nid    12\nname  npm\nnext  2026-03-10T12:00Z')
})
