import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'

const readme = readFileSync(join(root, 'test/faults/README.md'), 'utf8')
const rows = [...readme.matchAll(/^\| (\d+) \| (.+?) \| `(.+?)`: (.+?) \| (.+?) \|$/gm)].map(
  ([, number, promise, file, name, figure]) => ({
    number: Number(number),
    promise,
    file: file ?? '',
    name: name ?? '',
    figure,
  }),
)

test('all 26 promises have a test and a figure', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 26 }, (_, n) => n + 1))
})

test.each(rows)('promise $number is proved by a test that exists', ({ file, name }) => {
  expect(existsSync(join(root, file)), file).toBe(true)
  // A title may be written with a placeholder in it.
  expect(readFileSync(join(root, file), 'utf8')).toContain(name)
})
