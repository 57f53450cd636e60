import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import metadata from '../../package.json' with { type: 'json' }

const main = resolve(import.meta.dirname, 'main.ts')

/** Runs `parma` as a person without any setting does. */
async function parma(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env['PATH'], PARMA_STACK_ENV: resolve(import.meta.dirname, 'no-such-file') }
  return promisify(execFile)(process.execPath, [main, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      out: stdout,
      err: stderr,
    }),
  )
}

test.each([['--version'], ['-V']])('%s prints the version', async (option) => {
  expect(await parma(option)).toEqual({ code: 0, out: `${metadata.version}\n`, err: '' })
})

test.each([
  [['--nope'], '--nope'],
  [['nope'], 'nope'],
  [['no\u001b[2J'], 'no\\u001b[2J'],
  [['status', '--nope'], '--nope'],
  [['status', 'nope'], 'nope'],
  [['sources', 'nope'], 'nope'],
  [['sources', 'ls', '--nope'], '--nope'],
  [['rules', 'seed', '--nope'], '--nope'],
])('a wrong command line (%j) is exit 2', async (args, named) => {
  const { code, out, err } = await parma(...args)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(named)
  expect(err).toContain('Usage: parma')
})

test.each([[[]], [['help']], [['--help']], [['-h']]])('%j prints the commands', async (args) => {
  const { code, out } = await parma(...args)
  expect(code).toBe(0)
  expect(out).toContain('status')
})

test.each([[['status']], [['sources', 'ls']], [['topics', 'apply']], [['migrate']]])(
  '%j without a system says how to start the local stack',
  async (args) => {
    expect(await parma(...args)).toEqual({
      code: 1,
      out: '',
      err: 'The local stack is not running, and the environment names no other system. `make up` starts the local stack; deploy/SETTINGS.md lists the settings that name another system.\n',
    })
  },
)
