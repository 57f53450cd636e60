import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { type Link, openLink } from '../harness/edge/link.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
let link: Link
let source = 0
let token = ''
let healthUrl = ''

beforeAll(async () => {
  const installation = await createInstallation()
  link = await openLink(installation.database.url)
  // Without a cache every request meets the outage.
  const started = await installation.start('edge', {
    DATABASE_URL: link.url,
    SOURCE_CACHE_MS: '0',
    LOOKUP_TIMEOUT_MS: '500',
    DATABASE_TIMEOUT_MS: '1000',
  })
  healthUrl = started.healthUrl
  edge = useEdge(installation, started.url)
  source = await edge.addSource('github')
  token = await edge.token(source)
})

const payload = (raw_data: object, source_name = 'github') => ({ source_name, company_id: '1', raw_data })

describe.each(['cut', 'freeze'] as const)('while Postgres is away (%s)', (how) => {
  test('payloads and finished tasks of a known source are accepted, others are 503', async () => {
    const other = await edge.addSource(`other-${how}`)
    const unknown = await edge.token(other)
    const task = await edge.addTask(source)
    expect((await edge.call('/feed-raw-data', { token, body: payload({ before: how }) })).status).toBe(201)

    link[how]()
    onTestFinished(() => link.restore())
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => edge.call('/feed-raw-data', { token, body: payload({ during: how, at }) })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201))
    const finished = await edge.call('/crawling-finished', { token, body: { task_id: task, errors: {} } })
    expect(finished.status).toBe(201)
    expect((await edge.call('/schedule')).status).toBe(200)
    for (const call of [
      edge.call('/feed-raw-data', { token: unknown, body: payload({}, `other-${how}`) }),
      edge.call('/source-measurement', {
        token,
        body: { type: 'int', measurement_name: how, source_module_id: source },
      }),
      edge.handshake('x', source),
    ]) {
      const { status, headers } = await call
      expect([status, headers.get('retry-after')]).toEqual([503, '5'])
    }

    link.restore()
    await waitFor('the other source', async () => {
      return (await edge.call('/feed-raw-data', { token: unknown, body: payload({}, `other-${how}`) })).status === 201
    })
    const ids = answers.map(({ json }) => json['document_id'])
    const stored = (await edge.records(topics.rawPayloads)).map(({ decoded }) => decoded.event_id)
    expect(stored).toEqual(expect.arrayContaining(ids))
    expect((await edge.records(topics.crawlFinished)).map(({ decoded }) => decoded.task_id)).toContain(task)
  })
})

test('it is ready without Postgres: payloads of known sources are accepted', async () => {
  link.cut()
  onTestFinished(() => link.restore())
  expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200)
})
