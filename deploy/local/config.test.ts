import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { findFreePort, keptPorts, settledPorts } from './free-port.ts'
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

test('no port of a stack is ever handed out at random', async () => {
  const isIn =
    ([from, below]: readonly [number, number]) =>
    (port: number) =>
      port >= from && port < below
  const free = await Promise.all(Array.from({ length: 200 }, () => findFreePort()))
  expect(free.filter(isIn(settledPorts))).toEqual([])
  expect(free.filter(isIn(keptPorts))).toEqual([])
  expect(Object.values(readPorts({})).every(isIn(settledPorts))).toBe(true)
  expect(isIn(keptPorts)(await findFreePort(keptPorts))).toBe(true)
})

test('names a taken port and the setting that moves it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  expect(await findTakenPort({ ...readPorts({}), edge: port })).toEqual({ port, setting: 'PARMA_EDGE_PORT' })
})
