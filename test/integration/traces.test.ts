import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../../deploy/local/config.ts'
import { mailsTo } from '../harness/mailbox.ts'
import { startCollector } from '../harness/collector.ts'
import { startSystem } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const map = {
  Source: 'pages',
  Mappings: [{ SourceField: 'followers', DataType: 'int', MeasurementName: 'followers' }],
}
type Limits = { services: Record<string, { resources: { limits: { memory: string } } }> }

test('one trace goes from the POST of a payload to its mail, and services that trace fit their memory', async () => {
  const collector = await startCollector()
  const system = await startSystem({ map, companies: 1, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
  const token = (await system.parma('token', 'mint', '--source', map.Source)).trim()
  const post = async (followers: number) => {
    const traceId = randomBytes(16).toString('hex')
    const answer = await fetch(`${system.edgeUrl}/feed-raw-data`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      },
      body: JSON.stringify({
        source_name: 'pages',
        company_id: String(system.companies[0]?.id),
        raw_data: { followers },
      }),
      signal: AbortSignal.timeout(20_000),
    })
    expect(answer.status).toBe(201)
    return traceId
  }
  await post(100)
  await system.settled(1)
  const traceId = await post(200)
  await waitFor('the mail', async () => (await mailsTo(system.address)).length === 1, 60_000)

  const chain = [
    ['edge', 'POST /feed-raw-data'],
    ['edge', 'create mining.raw-payloads.v1'],
    ['normalizer', 'process mining.raw-payloads.v1'],
    ['normalizer', 'create mining.observations.v1'],
    ['analyzer', 'process mining.observations.v1'],
    ['analyzer', 'create insights.news.v1'],
    ['notifier', 'send email'],
  ] as const
  const spans = await waitFor(
    'all spans of the trace',
    () => {
      const found = collector.spans().filter((span) => span.traceId === traceId)
      const isWhole = chain.every(([service, name]) =>
        found.some((span) => span.service === service && span.name === name),
      )
      return isWhole && found
    },
    60_000,
  )
  // Each is part of the one before.
  let parent = '00f067aa0ba902b7'
  for (const [service, name] of chain) {
    const next = spans.find((span) => span.service === service && span.name === name && span.parentSpanId === parent)
    expect(next, `${name} of ${service} in ${parent}`).toBeDefined()
    parent = next?.spanId ?? ''
  }
  expect(spans.find(({ name }) => name === 'process insights.news.v1')?.service).toBe('notifier')

  // The span of a batch is linked with what is in it, in traces of their own.
  const made = spans.find(({ name }) => name === 'create mining.observations.v1')
  const batches = collector
    .spans()
    .filter(({ name, parentSpanId }) => name === 'process mining.observations.v1' && !parentSpanId)
  expect(batches.flatMap(({ links }) => links)).toContainEqual({ traceId, spanId: made?.spanId })
  expect(batches.every((batch) => batch.traceId !== traceId)).toBe(true)
  expect(batches[0]?.attributes).toMatchObject({
    'messaging.system': 'kafka',
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': expect.stringContaining('analyzer') as string,
  })

  // The record that a service reads carries the context of the span that made it.
  const [, second] = await system.topics.read('mining.observations.v1')
  expect(second?.headers['traceparent']).toBe(`00-${traceId}-${made?.spanId}-01`)

  const values = parse(readFileSync(join(root, 'deploy/helm/parma-analytics/values.yaml'), 'utf8')) as Limits
  for (const [name, { healthUrl }] of Object.entries(system.services)) {
    const metrics = await (await fetch(`${healthUrl}/metrics`)).text()
    const rss = Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1])
    const limit = Number(/^(\d+)Mi$/.exec(values.services[name]?.resources.limits.memory ?? '')?.[1])
    expect(rss / 1024 ** 2, `memory of ${name}`).toBeLessThan(limit)
  }
}, 240_000)
