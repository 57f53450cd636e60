import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'

/** In place of a server: closes each connection until `open` is called, then passes them on. */
async function startGate(target: URL) {
  const gate = { port: 0, refused: 0, isOpen: false }
  const server = createServer((client) => {
    client.on('error', () => undefined)
    if (!gate.isOpen) {
      gate.refused++
      return void client.destroy()
    }
    const upstream = connect(Number(target.port), target.hostname)
    upstream.on('error', () => undefined).on('close', () => client.destroy())
    client.on('close', () => upstream.destroy())
    client.pipe(upstream).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => void server.close())
  gate.port = (server.address() as AddressInfo).port
  return gate
}

/** The Kafka client library tries as often before it fails. */
const tries = 6

test('a service that starts while its servers are away waits for them', async () => {
  const installation = await createInstallation()
  const database = new URL(String(installation.env.DATABASE_URL))
  const kafka = await startGate(new URL(`tcp://${String(installation.env.KAFKA_BROKERS)}`))
  const postgres = await startGate(new URL(database))
  database.port = String(postgres.port)
  const health = await findFreePort()
  const started = installation.start('normalizer', {
    KAFKA_BROKERS: `127.0.0.1:${kafka.port}`,
    DATABASE_URL: database.href,
    HEALTH_PORT: String(health),
  })
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${health}${path}`)).status
  const waitsFor = async (gate: typeof kafka, times: number) => {
    await Promise.race([waitFor('it to ask again', () => gate.refused > times), started])
    expect(await status('/livez')).toBe(200)
    expect(await status('/readyz')).toBe(503)
    gate.isOpen = true
  }
  await waitsFor(kafka, tries)
  await waitsFor(postgres, 2)
  const service = await started
  expect(service.logs()).toContain('connecting a producer to Kafka')
  expect(service.logs()).toContain('connecting to Postgres')
  expect(await service.stop()).toBe(0)
})
