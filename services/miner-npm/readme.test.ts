import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { addressOf, callModule, closeServer, mint, secret, startEdge } from './edge-stand-in.ts'

const page = await readFile(resolve(import.meta.dirname, 'README.md'), 'utf8')
const [, name = '', code = ''] = /```js file=(\S+)\n(.*?)```/s.exec(page) ?? []

test('the module of the page is short, initializes, discovers, crawls and checks its tokens', async () => {
  expect(code.split('\n').filter((line) => line !== '').length).toBeLessThan(75)
  const edge = await startEdge()
  const dir = await mkdtemp(join(tmpdir(), 'folders-'))
  await mkdir(join(dir, 'acme'))
  await writeFile(join(dir, 'acme', 'a.txt'), 'four')
  await writeFile(join(dir, name), code)
  const endpoint = await findFreeAddress()
  const env = {
    PATH: process.env.PATH,
    ANALYTICS_BASE_URL: edge.url,
    PARMA_SHARED_SECRET_KEY: secret,
    PORT: new URL(endpoint).port,
  }
  const child = spawn(process.execPath, [name], { cwd: dir, env, stdio: 'inherit' })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await edge.close()
    await rm(dir, { recursive: true, force: true })
  })
  await vi.waitFor(() => fetch(endpoint), { timeout: 20_000, interval: 50 })

  const { status, body: initialized } = await callModule(`${endpoint}/initialize?source_id=7`)
  expect(status).toBe(200)
  expect(edge.calls.map(({ body }) => body.measurement_name)).toEqual([
    'folder name',
    'entry count',
    'entries',
    'entry name',
    'entry size',
    'entry changed at',
  ])
  expect(edge.calls.at(-1)?.body).toMatchObject({ source_module_id: 7, type: 'date', parent_measurement_id: 103 })
  expect(initialized.normalization_map.Mappings[2]).toMatchObject({
    source_measurement_id: 103,
    SourceField: 'entries',
  })

  const found = await callModule(`${endpoint}/discover`, [
    { company_id: '1', name: 'Acme' },
    { company_id: '2', name: '../etc' },
  ])
  expect(found.body.identifiers).toEqual({ 1: { folders: ['acme'] }, 2: { folders: [] } })

  const token = await mint()
  const companies = { 1: { folders: ['acme', '..'] } }
  const finished = await callModule(`${endpoint}/companies`, { task_id: 5, companies }, token)
  const errors = { 1: { error_type: 'CrawlingError', error_description: 'There is no folder ...' } }
  expect(finished.body).toEqual({ task_id: 5, errors, return_message: 'finished' })
  expect(edge.fed()).toEqual([
    {
      source_name: 'folders',
      company_id: '1',
      raw_data: { id: 'acme', entry_count: 1, entries: [{ name: 'a.txt', size: 4, changed_at: expect.any(String) }] },
    },
  ])
  expect(edge.calls.at(-1)).toMatchObject({ path: '/crawling-finished', authorization: `Bearer ${token}` })

  for (const wrong of [
    await mint('another secret, also long enough to be one'),
    await mint(secret, 7, '-1s'),
    'x',
    'a.b.c',
  ])
    expect((await callModule(`${endpoint}/initialize?source_id=7`, undefined, wrong)).status).toBe(401)
})

async function findFreeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  const address = await addressOf(server)
  await closeServer(server)
  return address
}
