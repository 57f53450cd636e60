import { expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { startEdge } from '../harness/edge/setup.ts'
import { plain, startProxy } from '../harness/proxy.ts'
import { stackEnv } from '../harness/stack.ts'
import { waitFor } from '../harness/wait-for.ts'

const types = ['float', 'text', 'date']

/** An edge that cannot reach the registry, and has three ops events to publish. */
async function startCutOff() {
  const registry = new URL(stackEnv().SCHEMA_REGISTRY_URL ?? '')
  const proxy = await startProxy(registry.host, plain)
  proxy.set('down')
  const edge = await startEdge({ SCHEMA_REGISTRY_URL: `http://${proxy.address}${registry.pathname}` })
  const source = await edge.addSource('github')
  const token = await edge.token(source)
  for (const type of ['int', ...types]) {
    const body = { type, measurement_name: 'stars', source_module_id: source }
    expect((await edge.call('/source-measurement', { token, body })).status).toBe(201)
  }
  await waitFor('the first attempt to fail', () => edge.service.logs().includes('RegistryError'))
  return { edge, proxy }
}

test('ops events wait for a registry that is away, and come in their order', async () => {
  const { edge, proxy } = await startCutOff()
  proxy.set('calm')
  const events = await waitFor('all events', async () => {
    const records = await edge.records(topics.opsEvents)
    return records.length >= types.length && records
  })
  expect(events.map(({ decoded }) => decoded.facts?.['sent_type'])).toEqual(types)
  expect(edge.service.logs()).not.toContain('ops_event_lost')
})

test('an edge that stops waits no longer, and says what is lost', async () => {
  const { edge } = await startCutOff()
  expect(await edge.service.stop()).toBe(0)
  expect(edge.service.logs().match(/ops_event_lost/g)).toHaveLength(types.length)
  expect(await edge.records(topics.opsEvents)).toEqual([])
})
