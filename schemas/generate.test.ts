import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { schemasDir } from './avro.ts'

test('a stale file is named by --check, and written again without', () => {
  const copy = mkdtempSync(join(tmpdir(), 'schemas-'))
  onTestFinished(() => rmSync(copy, { recursive: true }))
  cpSync(schemasDir, join(copy, 'schemas'), { recursive: true })
  cpSync(join(schemasDir, '../package.json'), join(copy, 'package.json'))
  symlinkSync(join(schemasDir, '../node_modules'), join(copy, 'node_modules'))
  const generate = (...args: string[]) =>
    spawnSync(process.execPath, ['schemas/generate.ts', ...args], { cwd: copy, encoding: 'utf8' })

  expect(generate('--check')).toMatchObject({ status: 0, stderr: '' })

  const types = join(copy, 'schemas/generated/types.ts')
  const text = readFileSync(types, 'utf8')
  appendFileSync(types, '// edited\n')
  const check = generate('--check')
  expect(check.status).toBe(1)
  expect(check.stderr).toBe(
    'schemas/generated/types.ts does not match schemas/*.avsc: run `make schemas` and commit it.\n',
  )

  expect(generate().status).toBe(0)
  expect(readFileSync(types, 'utf8')).toBe(text)
})
