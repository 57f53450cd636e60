import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openNewsFile } from './news-file.ts'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'news-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const item = { news_id: 'a', observed_at: 0 }

test('a file is there when it is whole, with a line for each news item', async () => {
  const output = join(makeFolder(), 'new', 'news.ndjson')
  await using file = await openNewsFile(output)
  await file.add([item])
  await file.add([{ ...item, news_id: 'b' }])
  expect(readdirSync(join(output, '..'))).not.toContain('news.ndjson')
  await file.finish()
  expect(readFileSync(output, 'utf8')).toBe(
    '{"news_id":"a","observed_at":"1970-01-01T00:00:00.000Z"}\n{"news_id":"b","observed_at":"1970-01-01T00:00:00.000Z"}\n',
  )
})

test('what is not finished leaves nothing', async () => {
  const folder = makeFolder()
  {
    await using file = await openNewsFile(join(folder, 'news.ndjson'))
    await file.add([item])
  }
  expect(readdirSync(folder)).toEqual([])
})

test('a folder is no file', async () => {
  const folder = makeFolder()
  await expect(openNewsFile(folder)).rejects.toThrow(`--output is the folder ${folder}: name a file in it.`)
})

test('a file that cannot be made is a mistake', async () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'a'), '')
  await expect(openNewsFile(join(folder, 'a', 'b'))).rejects.toThrow(`${join(folder, 'a')} cannot be written to: `)
  await expect(openNewsFile('')).rejects.toThrow('--output is empty: name a file.')
})
