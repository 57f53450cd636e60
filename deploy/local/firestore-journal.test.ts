import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findFreePort } from './free-port.ts'

test('a call that the emulator did not answer before it ended is answered', { timeout: 20_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'parma-journal-'))
  const calls: string[] = []
  let connection: Socket | undefined
  const emulator = createServer().on('stream', (_, headers) => calls.push(String(headers[':path'])))
  emulator.on('connection', (socket: Socket) => (connection = socket))
  await once(emulator.listen(0, '127.0.0.1'), 'listening')
  const port = await findFreePort()
  const script = join(import.meta.dirname, 'firestore-journal.ts')
  const args = [script, join(dir, 'journal'), String(port), String((emulator.address() as AddressInfo).port)]
  const journal = spawn(process.execPath, args, { stdio: 'ignore' })
  onTestFinished(() => {
    journal.kill()
    emulator.close()
    rmSync(dir, { recursive: true })
  })
  const isUp = async () => expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
  await vi.waitFor(isUp, 10_000)
  const client = connect(`http://127.0.0.1:${port}`)
  onTestFinished(() => client.destroy())
  const call = client.request({ ':method': 'POST', ':path': '/BatchGetDocuments' })
  const answered = once(call, 'response')
  await vi.waitFor(() => expect(calls).toEqual(['/BatchGetDocuments']), 5000)
  connection?.end()
  expect((await answered)[0]).toMatchObject({ 'grpc-status': '14' })
})
