import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'
import { answers, countFailures, type Program, supervise } from './processes.ts'

/** Supervises a Node process that runs `script`, and records every process it starts. */
function superviseScript(script: string, isHealthy: Program['isHealthy'] = async () => true) {
  const logDir = mkdtempSync(join(tmpdir(), 'processes-'))
  const downFile = join(logDir, 'it.down')
  const started: ProcessIdentity[] = []
  const health: boolean[] = []
  const supervised = supervise(
    { name: 'it', command: process.execPath, args: ['-e', script], isHealthy, stopSignal: 'SIGTERM' },
    {
      logDir,
      downFile,
      say: () => undefined,
      onChange: (_, { identity, healthy }) => {
        health.push(healthy)
        if (identity && identity.pid !== started.at(-1)?.pid) started.push(identity)
      },
    },
  )
  onTestFinished(async () => {
    await supervised.stop(0)
    rmSync(logDir, { recursive: true })
  })
  return { supervised, started, health, downFile, log: () => readFileSync(join(logDir, 'it.log'), 'utf8') }
}

test('restarts a killed process, and stops for good when asked to', async () => {
  const { supervised, started } = superviseScript('setInterval(() => 0, 1000)')
  await supervised.waitUntilHealthy(5_000)
  process.kill(started[0]?.pid ?? 0, 'SIGKILL')
  await vi.waitFor(() => expect(started).toHaveLength(2), 20_000)
  await supervised.stop(5_000)
  expect(started.filter(isRunning)).toEqual([])
})

test('kills a process that does not end in time', async () => {
  const { supervised, started, log } = superviseScript(
    `process.on('SIGTERM', () => console.log('no')); setInterval(() => 0, 1000); console.log('ready')`,
  )
  await vi.waitFor(() => expect(log()).toContain('ready'), 20_000)
  await supervised.stop(300)
  expect(log()).toContain('no')
  expect(started.filter(isRunning)).toEqual([])
})

test('keeps a process down while its file says so', async () => {
  const { supervised, started, downFile } = superviseScript('setInterval(() => 0, 1000)')
  await supervised.waitUntilHealthy(5_000)
  writeFileSync(downFile, '')
  process.kill(started[0]?.pid ?? 0, 'SIGKILL')
  await vi.waitFor(() => expect(started.filter(isRunning)).toEqual([]), 20_000)
  // Longer than the first back-off: it would have been started by now.
  await expect(vi.waitFor(() => expect(started).toHaveLength(2), 600)).rejects.toThrow()
  rmSync(downFile)
  await vi.waitFor(() => expect(started).toHaveLength(2), 20_000)
})

test('reports when a running process stops being healthy, and when it is healthy again', async () => {
  let isHealthy = true
  const { supervised, health } = superviseScript('setInterval(() => 0, 1000)', async () => isHealthy)
  await supervised.waitUntilHealthy(5_000)
  isHealthy = false
  await vi.waitFor(() => expect(health).toEqual([false, true, false]), 20_000)
  isHealthy = true
  await vi.waitFor(() => expect(health).toEqual([false, true, false, true]), 20_000)
})

test('asks a server whether it is healthy, whatever the server answers', async () => {
  const server = createServer((request, response) => {
    const status = Number(request.url?.slice(1))
    if (status === 0) response.socket?.destroy()
    else response.writeHead(status).write('x', () => response.socket?.destroy())
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await answers(`${url}/200`)).toBe(true)
  expect(await answers(`${url}/503`)).toBe(false)
  await expect(answers(`${url}/0`)).rejects.toThrow('socket hang up')
  await expect(answers('http://127.0.0.1:1')).rejects.toThrow('ECONNREFUSED')
})

test('stops waiting for a process that does not become healthy, and names its log', async () => {
  const { supervised } = superviseScript('setInterval(() => 0, 1000)', async () => false)
  await expect(supervised.waitUntilHealthy(200)).rejects.toThrow(/it is not healthy after 0.2 s, see .*it\.log/)
})

test('a process number alone does not identify a process', () => {
  expect(identify(process.pid)).toEqual({ pid: process.pid, startedAt: expect.any(String) as string })
  expect(isRunning({ pid: process.pid, startedAt: 'another time' })).toBe(false)
})

test('failures are counted until the process was healthy for 10 s', () => {
  expect(countFailures(3, 9_999)).toBe(4)
  expect(countFailures(3, 10_000)).toBe(1)
})
