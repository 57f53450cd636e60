import { expect, test } from 'vitest'
import { findDeadLinks } from './check-links.ts'

const files = new Set(['README.md', 'docs/guide.md', 'docs/README.md', 'services/edge/main.ts', 'LICENSE'])
const folders = new Set(['docs', 'services', 'services/edge'])
const tree = { isFile: (path: string) => files.has(path), isFolder: (path: string) => folders.has(path) }
const guide = {
  path: 'docs/guide.md',
  text: '# The guide\n\n## What `parma` does: a *first* look\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n',
}
const check = (text: string, path = 'README.md') => findDeadLinks({ path, text }, [guide, { path, text }], tree)

test.each([
  '[guide](docs/guide.md)',
  '[heading](docs/guide.md#what-parma-does-a-first-look)',
  '[second of a name](docs/guide.md#twice-1)',
  '# Here\n\n[own heading](#here)',
  '[folder with a README](docs)',
  '[a file](services/edge/main.ts) and [one](LICENSE)',
  '[elsewhere](https://example.com/x#y)',
  '`[code](nowhere.md)` and\n\n```\n[block](nowhere.md)\n```',
  'a file named in code: `services/edge/main.ts`; what is no path: `a/b`, `<topic>/x.ts`, `.local/stack.json`',
])('%s is fine', (text) => expect(check(text)).toEqual([]))

test.each([
  ['[gone](docs/gone.md)', 'README.md:1 links to docs/gone.md, which does not exist'],
  [
    '\n\n[heading](docs/guide.md#gone)',
    'README.md:3 links to docs/guide.md#gone, and docs/guide.md has no such heading',
  ],
  ['[not a heading](docs/guide.md#no-heading)', 'and docs/guide.md has no such heading'],
  ['[own](#gone)', 'README.md:1 links to #gone, and README.md has no such heading'],
  ['[folder](services/edge)', 'README.md:1 links to services/edge, a folder without a README.md'],
  ['see `services/edge/gone.ts`', 'README.md:1 names services/edge/gone.ts, which does not exist'],
])('%j is reported', (text, problem) => expect(check(text)).toEqual([expect.stringContaining(problem)]))

test('links are relative to the page; paths in code to the page or the root', () => {
  expect(check('[up](../README.md) `guide.md` `services/edge/main.ts`', 'docs/other.md')).toEqual([])
  expect(check('[down](docs/guide.md)', 'docs/other.md')).toHaveLength(1)
})
