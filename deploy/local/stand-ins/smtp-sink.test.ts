import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findFreePort } from '../free-port.ts'

test('the sink goes on when a client goes away in the middle of a mail', { timeout: 20_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'parma-sink-'))
  const [port, mailboxPort] = [await findFreePort(), await findFreePort()]
  const args = [join(import.meta.dirname, 'smtp-sink.ts'), join(dir, 'mails'), String(port), String(mailboxPort)]
  const sink = spawn(process.execPath, args, { stdio: 'ignore' })
  onTestFinished(() => {
    sink.kill()
    rmSync(dir, { recursive: true })
  })
  const dial = async (): Promise<Socket> => {
    const client = connect(port, '127.0.0.1')
    expect(String((await once(client, 'data'))[0])).toMatch(/^220 /)
    return client
  }
  const client = await vi.waitFor(dial, 10_000)
  for (const line of ['EHLO client', 'MAIL FROM:<a@example.com>']) {
    client.write(`${line}\r\n`)
    expect(String((await once(client, 'data'))[0])).toMatch(/^250/)
  }
  client.resetAndDestroy()
  const next = await dial()
  next.write('QUIT\r\n')
  expect(String((await once(next, 'data'))[0])).toMatch(/^221/)
})
