import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { canReach } from './unprivileged.ts'

const somebody = { uid: 64_999, gid: 64_999 }

test('a folder closed to others cannot be passed through', () => {
  const parent = mkdtempSync(join(tmpdir(), 'closed-'))
  onTestFinished(() => rmSync(parent, { recursive: true }))
  expect(canReach(undefined, join(parent, 'data'))).toBe(true)
  expect(canReach(somebody, join(parent, 'data'))).toBe(false)
  chmodSync(parent, 0o711)
  expect(canReach(somebody, join(parent, 'data'))).toBe(true)
})
