import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'
import { claimRecord, readRecord, writeRecord } from './record.ts'
import { stackEnvFile, writeStackEnv } from './stack-env.ts'
import { stopStack } from './stop.ts'

async function startSleeper(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  return identify(child.pid ?? 0) as ProcessIdentity
}

function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'stop-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const gone: ProcessIdentity = { pid: 2 ** 22, startedAt: 'long ago' }

test('stops the processes on record, and none that has got the number of one', async () => {
  const dir = makeDir()
  const [ours, another] = [await startSleeper(), await startSleeper()]
  writeRecord(dir, {
    supervisor: gone,
    started: true,
    processes: {
      ours: { identity: ours, healthy: true },
      another: { identity: { ...another, startedAt: 'before it' }, healthy: true },
    },
  })
  writeStackEnv(dir, {})
  expect(await stopStack(dir)).toEqual(['ours'])
  expect(isRunning(ours)).toBe(false)
  expect(isRunning(another)).toBe(true)
  expect(readRecord(dir)).toBeNull()
  expect(existsSync(stackEnvFile(dir))).toBe(false)
  expect(await stopStack(dir)).toEqual([])
})

test('a second supervisor cannot claim a stack, and gets to know what a dead one left', async () => {
  const dir = makeDir()
  const living = await startSleeper()
  const record = { supervisor: living, started: false, processes: {} }
  expect(claimRecord(dir, record)).toBeNull()
  expect(() => claimRecord(dir, { ...record, supervisor: gone })).toThrow(/already runs this stack/)
  const left = { supervisor: gone, started: true, processes: { kafka: { identity: living, healthy: true } } }
  writeRecord(dir, left)
  expect(claimRecord(dir, record)).toEqual(left)
  expect(readRecord(dir)).toEqual({ ...record, processes: left.processes })
})
