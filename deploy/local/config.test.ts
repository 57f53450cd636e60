import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { findTakenPort, portTable, readPorts } from './config.ts'

test('a setting moves a port', () => {
  expect(readPorts({ PARMA_KAFKA_PORT: '9999' })).toMatchObject({ kafka: 9999, registry: portTable.registry.port })
})

test('names every setting that is not a port', () => {
  expect(() => readPorts({ PARMA_KAFKA_PORT: 'no', PARMA_SMTP_PORT: '70000' })).toThrow(
    'PARMA_KAFKA_PORT=no, PARMA_SMTP_PORT=70000',
  )
})

test('names a port given to two things', () => {
  expect(() => readPorts({ PARMA_REGISTRY_PORT: '24092' })).toThrow(
    'PARMA_REGISTRY_PORT=24092 (the port of kafka, too)',
  )
})

test('no two things share a port', () => {
  const ports = Object.values(portTable).map(({ port }) => port)
  expect(new Set(ports).size).toBe(ports.length)
})

test('names a taken port and the setting that moves it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  expect(await findTakenPort({ ...readPorts({}), edge: port })).toEqual({ port, setting: 'PARMA_EDGE_PORT' })
})
