import { expect, test } from 'vitest'
import { readFacts } from './facts.ts'

const view = {
  name: 'left',
  version: '1.1.0',
  'dist-tags': { latest: '1.1.0', next: '2.0.0-rc.1' },
  versions: ['1.0.0', '1.1.0', '2.0.0-rc.1'],
  time: {
    created: '2024-01-01T00:00:00.000Z',
    modified: '2025-02-02T00:00:00.000Z',
    '1.0.0': '2024-01-01T00:00:00.000Z',
    '1.1.0': '2025-02-02T00:00:00.000Z',
    '2.0.0-rc.1': '2025-03-03T00:00:00.000Z',
  },
  description: 'moves left',
  license: 'MIT',
  homepage: 'https://left.example',
  keywords: ['left', 'move'],
  maintainers: ['ann <ann@left.example>', { name: 'bob', email: 'bob@left.example' }],
  dependencies: { right: '^1.0.0' },
  deprecated: 'use right',
  dist: { unpackedSize: 1234 },
}

test('what npm view prints is read, without e-mail addresses', () => {
  expect(readFacts(view)).toStrictEqual({
    name: 'left',
    latest: '1.1.0',
    description: 'moves left',
    license: 'MIT',
    homepage: 'https://left.example',
    keywords: ['left', 'move'],
    maintainers: ['ann', 'bob'],
    dependencies: 1,
    unpackedSize: 1234,
    deprecated: true,
    published: { '1.1.0': '2025-02-02T00:00:00.000Z', '1.0.0': '2024-01-01T00:00:00.000Z' },
  })
})

test('what the registry does not say is left out; a list of one may come bare', () => {
  const bare = { name: 'left', version: '1.0.0', versions: '1.0.0', time: { '1.0.0': '2024-01-01' }, keywords: 'left' }
  expect(readFacts(bare)).toStrictEqual({
    name: 'left',
    latest: '1.0.0',
    keywords: ['left'],
    dependencies: 0,
    deprecated: false,
    published: { '1.0.0': '2024-01-01T00:00:00.000Z' },
  })
})

test('an old package’s license object is read', () => {
  expect(readFacts({ ...view, license: { type: 'BSD', url: 'x' } }).license).toBe('BSD')
})

test.each([null, [], 'left', { error: { code: 'E404' } }, { ...view, time: {} }])('%j is no answer', (answer) => {
  expect(() => readFacts(answer)).toThrow()
})
