import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { UsageError } from '#runtime/commands/commands.ts'
import { convertFiles } from './convert-files.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'parma-convert-'))
  const made = dir
  onTestFinished(() => rmSync(made, { recursive: true }))
})

const write = (path: string, text: string) => {
  mkdirSync(join(dir, path, '..'), { recursive: true })
  writeFileSync(join(dir, path), text)
}
const read = (path: string) => readFileSync(join(dir, path), 'utf8')
const said: string[] = []
const convert = (input: string, output: string) =>
  convertFiles(
    join(dir, input),
    output.endsWith('/') ? `${join(dir, output)}/` : join(dir, output),
    (text) => {
      if (text === 'bad') throw new UsageError('line 1: it is bad')
      return text.toUpperCase()
    },
    (text) => said.push(text),
  )

test('converts a file to a file, and into a folder', async () => {
  write('a.csv', 'a')
  expect(await convert('a.csv', 'b.csv')).toBe(1)
  expect(read('b.csv')).toBe('A')
  await convert('a.csv', 'new/')
  expect(read('new/a.csv')).toBe('A')
})

test('keeps the structure of a folder, takes only .csv, and says how far it is', async () => {
  write('in/a.csv', 'a')
  write('in/deep/er/b.CSV', 'b')
  write('in/windows.json', '{}')
  expect(await convert('in', 'out')).toBe(2)
  expect(read('out/a.csv')).toBe('A')
  expect(read('out/deep/er/b.CSV')).toBe('B')
  expect(readdirSync(join(dir, 'out'), { recursive: true }).sort()).toEqual([
    'a.csv',
    'deep',
    'deep/er',
    'deep/er/b.CSV',
  ])
  expect(said).toContain('2 of 2 deep/er/b.CSV')
})

test('refuses a file that is not UTF-8, with the line', async () => {
  writeFileSync(join(dir, 'latin1.csv'), Buffer.from('time,value\n1,2\n3,Größe\n', 'latin1'))
  await expect(convert('latin1.csv', 'b.csv')).rejects.toThrow('latin1.csv, line 3: this is not a text file in UTF-8')
  writeFileSync(join(dir, 'utf16.csv'), Buffer.from('time,value\n', 'utf16le'))
  await expect(convert('utf16.csv', 'b.csv')).rejects.toThrow('utf16.csv, line 1: this is not a text file in UTF-8')
  expect(readdirSync(dir).sort()).toEqual(['latin1.csv', 'utf16.csv'])
})

test('does not read its own output again', async () => {
  write('in/a.csv', 'a')
  await convert('in', 'in/out')
  expect(await convert('in', 'in/out')).toBe(1)
})

test('writes nothing if a file fails, and names all that do', async () => {
  write('in/a.csv', 'a')
  write('in/b.csv', 'bad')
  write('in/c/d.csv', 'bad')
  write('out/a.csv', 'of before')
  await expect(convert('in', 'out')).rejects.toThrow(/b\.csv, line 1: it is bad\nc\/d\.csv, line 1: it is bad/)
  expect(read('out/a.csv')).toBe('of before')
  expect(readdirSync(join(dir, 'out'), { recursive: true }).filter((name) => String(name).includes('.'))).toEqual([
    'a.csv',
  ])
})

test.each([
  ['none', 'out', 'There is no file or folder'],
  ['in', 'in', '--output must not be the input'],
  ['in/a.csv', 'in', '--output must not be the input'],
  ['in', 'in/a.csv', '--input is a folder'],
  ['empty', 'out', 'There is no .csv file'],
  ['bytes.csv', 'out.csv', 'not a text file'],
])('refuses %s to %s', async (input, output, message) => {
  write('in/a.csv', 'a')
  write('bytes.csv', 'a\0b')
  mkdirSync(join(dir, 'empty'))
  await expect(convert(input, output)).rejects.toThrow(message)
})
