import { expect, test } from 'vitest'
import { innermostList, lastKey } from './value-path.ts'

test.each([
  ['stars', null, 'stars'],
  ['repos[].stars', 'repos[]', 'stars'],
  ['repos[]', 'repos[]', 'repos'],
  ['a[].b.c[].d', 'a[].b.c[]', 'd'],
  ['["x[]"].stars', null, 'stars'],
  ['["x[]"][].stars', '["x[]"][]', 'stars'],
  ['repos[]["x[]"]', 'repos[]', 'x[]'],
  ['repos[]["a.b"]["c\\"][]"]', 'repos[]', 'c"][]'],
  ['["a.b"][]', '["a.b"][]', 'a.b'],
  ['["\\ud800"][].x', '["\\ud800"][]', 'x'],
  ['a["b…sha256:0', null, '"b…sha256:0'],
  [`a[].b…sha256:${'0'.repeat(64)}`, null, `b…sha256:${'0'.repeat(64)}`],
  [`b…sha256:${'0'.repeat(64)}[].x`, `b…sha256:${'0'.repeat(64)}[]`, 'x'],
  ['', null, ''],
])('%s', (path, list, key) => {
  expect(innermostList(path)).toBe(list)
  expect(lastKey(path)).toBe(key)
})
