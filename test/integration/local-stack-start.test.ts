import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { portTable, root } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { isRunning } from '../../deploy/local/process-identity.ts'
import type { StackRecord } from '../../deploy/local/record.ts'
import { startStack, waitUntilWhole } from '../../deploy/local/stack.ts'
import { removeStackData } from '../../deploy/local/stop.ts'

test('names a port that another program has, and the setting that moves it', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const env: Record<string, string> = {}
  for (const { setting } of Object.values(portTable)) env[setting] = String(await findFreePort())
  env.PARMA_REGISTRY_PORT = String(port)
  const dir = mkdtempSync(join(tmpdir(), 'local-stack-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  await expect(
    startStack({
      dir,
      ports: 'settings',
      services: [],
      setup: [],
      withParent: true,
      env,
    }),
  ).rejects.toThrow(`port ${port} is taken by another program: choose another one with PARMA_REGISTRY_PORT.`)
  expect(await waitUntilWhole(dir, 0)).toBeNull()
})

test('gives up a start that nobody waits for any more', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'local-stack-'))
  const up = spawn(process.execPath, [
    join(root, 'deploy/local/up.ts'),
    `--dir=${dir}`,
    '--free-ports',
    '--services=none',
  ])
  await once(up.stdout, 'data')
  const supervisor = (JSON.parse(readFileSync(join(dir, 'supervisor.json'), 'utf8')) as StackRecord).supervisor
  expect(isRunning(supervisor)).toBe(true)
  up.kill('SIGKILL')
  await vi.waitFor(() => expect(isRunning(supervisor)).toBe(false), 45_000)
  expect(existsSync(join(dir, 'supervisor.json'))).toBe(false)
  removeStackData(dir)
})
