import { expect, test } from 'vitest'
import { findUnknownCommands, findUnknownTargets } from './check-commands.ts'

const commands = [
  { words: 'dlq ls', options: ['--json', '--topic'] },
  { words: 'dlq replay', options: ['--all'] },
  { words: 'status', options: ['--json'] },
]
const check = (text: string) => findUnknownCommands({ path: 'a.md', text }, commands)

test.each([
  '`npx parma status`, `npx parma status --json` and `npx parma dlq`',
  '```sh\nnpx parma dlq ls --topic mining.x --json   # lists them\nnpx parma dlq replay --all && npx parma status\n```',
  '`npx parma --help`, `npx parma <command>`, `npx parma …`, `npx parma dlq --help`',
  'parma nonsense in prose; `parma` alone; `parma-analytics up`; `services/parma x`',
])('%s is fine', (text) => expect(check(text)).toEqual([]))

test.each([
  ['`npx parma dql ls`', 'a.md:1 names parma dql ls: no such command'],
  ['\n`npx parma dlq list`', 'a.md:2 names parma dlq list: no list of dlq'],
  ['`npx parma dlq ls --all`', 'a.md:1 names parma dlq ls --all: no option --all'],
  ['```\nnpx parma status --jsno\n```', 'a.md:2 names parma status --jsno: no option --jsno'],
  ['`parma status`', 'a.md:1 names parma status: write npx parma status'],
])('%j is reported', (text, problem) => expect(check(text)).toEqual([problem]))

test('targets of make must exist, in code', () => {
  const targets = new Set(['demo', 'test', 'image-test'])
  const find = (text: string) => findUnknownTargets({ path: 'a.md', text }, targets)
  expect(find('to make sure: `make demo`\n```sh\nmake test   # all\n```')).toEqual([])
  expect(find('`make image-test`')).toEqual([])
  expect(find('`make image-tests`')).toEqual(['a.md:1 names make image-tests, which the Makefile does not have'])
  expect(find('`make demos` and\n```\nmake tset\n```')).toEqual([
    'a.md:1 names make demos, which the Makefile does not have',
    'a.md:3 names make tset, which the Makefile does not have',
  ])
})
