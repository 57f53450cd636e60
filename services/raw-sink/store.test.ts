import { once } from 'node:events'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import type { ServiceContext } from '#runtime/process/service.ts'
import { readConfig } from './config.ts'
import { openStore } from './store.ts'

test(
  'a call that Firestore never answers does not keep the service from being ready afterwards',
  { timeout: 20_000 },
  async () => {
    const calls: string[] = []
    const firestore = createServer().on('stream', (_, headers) => calls.push(String(headers[':path'])))
    await once(firestore.listen(0, '127.0.0.1'), 'listening')
    const { port } = firestore.address() as AddressInfo
    const FIRESTORE_EMULATOR_HOST = `127.0.0.1:${port}`
    vi.stubEnv('FIRESTORE_EMULATOR_HOST', FIRESTORE_EMULATOR_HOST)
    let check: () => unknown = () => undefined
    const health = { dependency: (_: string, one: () => unknown) => void (check = one) }
    const needed = {
      FIRESTORE_PROJECT: 'p',
      KAFKA_BROKERS: 'localhost:9092',
      SCHEMA_REGISTRY_URL: 'http://localhost:8080',
    }
    const config = readConfig({ ...needed, FIRESTORE_EMULATOR_HOST, FIRESTORE_TIMEOUT_MS: '200' })
    openStore(config, { scope: new AsyncDisposableStack(), health } as unknown as ServiceContext)
    for (const count of [1, 2]) {
      await expect(check()).rejects.toThrow('no answer within 200 ms')
      await vi.waitFor(() => expect(calls).toHaveLength(count), 10_000)
    }
  },
)
