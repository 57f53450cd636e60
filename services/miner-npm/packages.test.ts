import { mkdtemp, readFile, rm, utimes, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { readConfig } from './config.ts'
import { openNpmView } from './npm-view.ts'
import { openPackages } from './packages.ts'
import { readRecording } from './recording.ts'

const own = new Set(['express', 'pino', '@types/node'])
const recorded = readRecording()

/** An npm of our own that answers with `script` and notes each call in a file. */
async function setUp(script: string, timeoutMs?: number) {
  const dir = await mkdtemp(join(tmpdir(), 'miner-npm-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const command = join(dir, 'npm')
  await writeFile(command, `#!/bin/sh\necho "$2" >>"${dir}/calls"\n${script}\n`)
  await chmod(command, 0o755)
  const config = readConfig({
    ANALYTICS_BASE_URL: 'http://127.0.0.1:1',
    PARMA_SHARED_SECRET_KEY: 'x'.repeat(32),
    MINER_CACHE_DIR: join(dir, 'cache'),
  })
  const open = (npm = command) => {
    const view = openNpmView(npm, timeoutMs)
    return openPackages(config, own, view, createLog('test', 'silent'))
  }
  const calls = async () => (await readFile(join(dir, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean)
  return { open, calls, cacheFile: (name: string) => join(dir, 'cache', `${encodeURIComponent(name)}.json`) }
}

const answer = (name: string, version: string) =>
  `echo '${JSON.stringify({ name, version, versions: [version], time: { [version]: '2026-01-01T00:00:00Z' } })}'`

test('a package is looked up once, and the answer is kept on disk', async () => {
  const { open, calls, cacheFile } = await setUp(answer('@types/node', '99.0.0'))
  const find = open()
  const found = await Promise.all([find('@types/node'), find('@types/node')])
  expect(found.map((facts) => facts.latest)).toEqual(['99.0.0', '99.0.0'])
  expect((await open()('@types/node')).latest).toBe('99.0.0')
  expect(await calls()).toEqual(['@types/node'])
  expect(JSON.parse(await readFile(cacheFile('@types/node'), 'utf8'))).toMatchObject({ latest: '99.0.0' })
})

test('an old look-up is made again; where that fails, it serves all the same', async () => {
  const { open, calls, cacheFile } = await setUp(answer('express', '99.0.0'))
  await open()('express')
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60
  await utimes(cacheFile('express'), twoDaysAgo, twoDaysAgo)
  expect((await open('/nowhere/npm')('express')).latest).toBe('99.0.0')
  await open()('express')
  expect(await calls()).toEqual(['express', 'express'])
})

test.each([
  ['is missing', undefined, '/nowhere/npm'],
  ['reaches no registry', 'echo "{\\"error\\":{\\"code\\":\\"ENOTFOUND\\"}}"; exit 1', undefined],
  ['does not answer in time', 'exec sleep 30', undefined],
])('the recording serves where npm %s, and npm is left alone for a while', async (_, script = 'exit 1', npm) => {
  const { open, calls } = await setUp(script, 2000)
  const find = open(npm)
  expect(await find('express')).toEqual(recorded.get('express'))
  expect(await find('pino')).toEqual(recorded.get('pino'))
  expect(await calls()).toEqual(npm ? [] : ['express'])
})

test('an answer about one package that makes no sense costs no other', async () => {
  const { open, calls } = await setUp('echo "{\\"name\\":1}"')
  const find = open()
  expect(await find('express')).toEqual(recorded.get('express'))
  expect(await find('pino')).toEqual(recorded.get('pino'))
  expect(await calls()).toEqual(['express', 'pino'])
})

test('a broken file of the cache counts as none', async () => {
  const { open, cacheFile } = await setUp(answer('express', '99.0.0'))
  await open()('express')
  await writeFile(cacheFile('express'), '{"name":"expr')
  expect((await open()('express')).latest).toBe('99.0.0')
})

test('only our own dependencies are looked up', async () => {
  const { open, calls } = await setUp('exit 1')
  await expect(open()('left-pad')).rejects.toThrow(/left-pad is not a package that this project depends on/)
  expect(await calls()).toEqual([])
})
