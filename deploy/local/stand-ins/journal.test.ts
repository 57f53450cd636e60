import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openJournal } from './journal.ts'

test('keeps its entries over restarts, without one a crash cut short', () => {
  const dir = mkdtempSync(join(tmpdir(), 'journal-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'entries')
  openJournal<{ n: number }>(file).append({ n: 1 })
  appendFileSync(file, '{"n":2,"te')
  const reopened = openJournal<{ n: number }>(file)
  reopened.append({ n: 3 })
  expect(reopened.all()).toEqual([{ n: 1 }, { n: 3 }])
  expect(readFileSync(file, 'utf8')).toBe('{"n":1}\n{"n":3}\n')
})
