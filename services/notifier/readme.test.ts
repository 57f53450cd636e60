import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { commands } from './commands.ts'

const page = await readFile(resolve(import.meta.dirname, 'README.md'), 'utf8')
const lines = page.match(/(?<=^npx |`npx )parma [a-z].*?(?=`|$)/gm) ?? []

test('there are commands in the README', () => expect(lines.length).toBeGreaterThan(15))

test.each(lines)('%s', async (line) => {
  const [, noun = '', verb = '', ...rest] = line.replace(/ <(?!news).*$/, '').split(' ')
  const group = new Command(noun)
  ;(await commands[noun]?.load())?.build(group)
  const command = group.commands.find((one) => one.name() === verb)
  expect(command, verb).toBeDefined()
  const known = command?.options.map(({ long }) => long)
  for (const word of rest) if (word.startsWith('--')) expect(known).toContain(word)
})
