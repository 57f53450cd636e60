import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { findCommands } from './find-commands.ts'

const services = resolve(import.meta.dirname, '..')

test('the page lists every command with its service', async () => {
  const page = await readFile(resolve(import.meta.dirname, 'README.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `([a-z -]+)` \| .+ \| ([a-z-]+) \|$/gm)].map(([, name, service]) => [
    name,
    service,
  ])
  const found = await findCommands()
  expect(listed).toEqual(found.map(({ name, file }) => [name, relative(services, file).split('/')[0]]))
})
