import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { expectNoLeaks } from './leaks.ts'

test('is content where nothing was left', async () => {
  await expectNoLeaks(0)
})

test('names a process that still runs', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  await expect(expectNoLeaks(100)).rejects.toThrow(/left open: 1 ProcessWrap/)
  child.kill('SIGKILL')
  await expectNoLeaks()
})

test('names a server that still listens, and waits for one that is about to close', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  await expect(expectNoLeaks(100)).rejects.toThrow(/1 TCPServerWrap/)
  setTimeout(() => server.close(), 200)
  await expectNoLeaks()
})
