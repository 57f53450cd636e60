import { describe, expect, test } from 'vitest'
import { identify } from '../../deploy/local/process-identity.ts'
import { startProcess } from './process.ts'
import { startService } from './service.ts'

const idle = `console.log('ready'); setInterval(() => 0, 1000);`
const start = (script: string, isReady = () => true) => startProcess('it', ['-e', script], process.env, isReady, 5000)

test('returns a running process and keeps what it says', async () => {
  const { pid, logs, kill } = await startProcess('it', ['-e', idle], process.env, () => true)
  expect(identify(pid)).not.toBeNull()
  await expect.poll(logs).toBe('ready\n')
  await kill()
  expect(identify(pid)).toBeNull()
})

test('stop gives it time to end by itself and returns its exit code', async () => {
  const { stop, logs } = await start(`process.on('SIGTERM', () => process.exit(7)); ${idle}`)
  await expect.poll(logs).toContain('ready')
  expect(await stop()).toBe(7)
})

test('stop kills what does not end in time, and says so with its log', async () => {
  const { pid, stop, logs } = await start(`process.on('SIGTERM', () => console.log('no')); ${idle}`)
  await expect.poll(logs).toContain('ready')
  await expect(stop(300)).rejects.toThrow(/it still ran 0.3 s after SIGTERM[^]*no/)
  expect(identify(pid)).toBeNull()
})

test('what ends before it is ready fails at once, with the end of its log', async () => {
  const failing = start(`console.error('KAFKA_BROKERS is missing'); process.exit(78)`, () => false)
  await expect(failing).rejects.toThrow(/it ended with code 78 before it was ready[^]*KAFKA_BROKERS is missing/)
})

test('a service that does not exist is named', async () => {
  await expect(startService('no-such-service', {})).rejects.toThrow(/Cannot find module .*no-such-service/)
})

describe('after a test', () => {
  let last = 0

  test('(this one leaves its process running)', async () => {
    last = (await start(idle)).pid
    expect(identify(last)).not.toBeNull()
  })

  test('its process is gone', () => {
    expect(identify(last)).toBeNull()
  })
})
