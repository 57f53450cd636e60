import { beforeAll, expect, test } from 'vitest'
import { readDeadLetters } from '../harness/counts.ts'
import { mailsTo, slackPostsIn } from '../harness/mailbox.ts'
import type { Crawl, ModuleMap } from '../harness/module.ts'
import { startSystem, type System } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

const map: ModuleMap = {
  Source: 'pages',
  Mappings: [
    { SourceField: 'title', DataType: 'text', MeasurementName: 'page title' },
    { SourceField: 'followers', DataType: 'int', MeasurementName: 'followers' },
    {
      SourceField: 'posts',
      DataType: 'nested',
      MeasurementName: 'posts',
      NestedMappings: [
        { SourceField: 'id', DataType: 'text', MeasurementName: 'post id' },
        { SourceField: 'likes', DataType: 'int', MeasurementName: 'likes' },
      ],
    },
  ],
}
const page = (followers: number) => ({
  title: 'Über uns',
  followers,
  posts: [
    { id: 'p1', likes: 7 },
    { id: 'p2', likes: 0 },
  ],
})
const valuesOfPage = { text: 3, int: 3 }

let system: System
/** How many different payloads there are so far. */
let fed = 0
let crawl: Crawl = async () => undefined

/** What a step adds to the counts when everything has arrived. */
async function added(payloads: number, step: () => Promise<unknown>) {
  const before = await system.counts()
  await step()
  const after = await system.settled((fed += payloads))
  const more = (name: 'documents' | 'news' | 'silentNews' | 'publicNews' | 'mails' | 'posts') =>
    after[name] - before[name]
  const values = Object.fromEntries(
    Object.entries(after.values).map(([type, n]) => [type, n - (before.values[type] ?? 0)]),
  )
  return {
    ...{ documents: more('documents'), values, news: more('news'), silentNews: more('silentNews') },
    ...{ publicNews: more('publicNews'), mails: more('mails'), posts: more('posts') },
  }
}

const silent = { documents: 1, values: valuesOfPage, news: 0, silentNews: 0, publicNews: 0, mails: 0, posts: 0 }
const told = { ...silent, news: 1, publicNews: 1, mails: 1, posts: 1 }

beforeAll(async () => {
  system = await startSystem({ map, companies: 4, crawl: (...args) => crawl(...args), env: { SLACK_INTERVAL_MS: '0' } })
})

test('the first payload is the baseline: stored and silent', async () => {
  expect(await added(1, () => system.feed(0, page(12_000)))).toEqual(silent)
})

test('a change posted three times in one run is one document, one set of values, one news, one message', async () => {
  await system.newRun()
  const answers: Awaited<ReturnType<System['feed']>>[] = []
  const more = await added(1, async () => {
    for (let n = 0; n < 3; n++) answers.push(await system.feed(0, page(15_000)))
  })
  expect(more).toEqual(told)
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(new Set(answers.map(({ document_id }) => document_id)).size).toBe(1)

  const [mail] = await mailsTo(system.address)
  const [post] = await slackPostsIn(system.channel)
  for (const text of [mail?.text, mail?.html, JSON.stringify(post)]) {
    expect(text).toContain('Company 1')
    expect(text).toContain('12,000')
    expect(text).toContain('15,000')
  }
})

test('a message leads back to the bytes that the module sent', async () => {
  const [mail] = await mailsTo(system.address)
  const [, event_id, news_id] = /Event (\S+), news item (\S+)/.exec(mail?.text ?? '') ?? []
  const [way] = await system.database.query<Record<string, unknown>>(
    `SELECT n.previous, n.current, v.number, v.path, v.type, l.document, l.map_version
     FROM analyzer.news n
     JOIN normalizer.value v USING (event_no, seq)
     JOIN normalizer.lineage l USING (event_no)
     WHERE n.news_id = $1 AND n.event_id = $2`,
    [news_id, event_id],
  )
  expect(way).toMatchObject({
    previous: '12,000',
    current: '15,000',
    number: 15_000,
    path: 'followers',
    type: 'int',
    map_version: 1,
  })
  const document = await system.firestore.client.doc(String(way?.document)).get()
  const sent = { source_name: 'pages', company_id: String(system.companies[0]?.id), raw_data: page(15_000) }
  const part = await document.ref.collection('parts').doc('1').get()
  expect((part.get('bytes') as Buffer).toString('utf8')).toBe(JSON.stringify(sent))
  expect(document.data()).toMatchObject({ status: 'success', company_id: sent.company_id, data: page(15_000) })
})

test('the same content in the next run is observed anew, and no news', async () => {
  await system.newRun()
  expect(await added(1, () => system.feed(0, page(15_000)))).toEqual(silent)
})

test('history is stored and judged, and nobody is messaged; what follows today is judged by it', async () => {
  const daysAgo = (days: number) => ({ observed_at: new Date(Date.now() - days * 86_400_000).toISOString() })
  await system.newRun()
  expect(await added(1, () => system.feed(1, page(100), daysAgo(30)))).toEqual(silent)
  expect(await added(1, () => system.feed(1, page(200), daysAgo(20)))).toEqual({
    ...silent,
    news: 1,
    silentNews: 1,
    publicNews: expect.any(Number) as number,
  })
  expect(await added(1, () => system.feed(1, page(300)))).toEqual(told)
})

test('a trigger makes the scheduler call the module once, and its run ends as SUCCESS', async () => {
  crawl = async (companies, feed) => {
    for (const [id, { handles }] of Object.entries(companies))
      for (const handle of handles ?? []) await feed(id, { ...page(50), title: handle })
  }
  const trigger = () => fetch(`${system.edgeUrl}/schedule`, { signal: AbortSignal.timeout(20_000) })
  const statuses = [(await trigger()).status, (await trigger()).status]
  expect(statuses).toEqual([200, 200])
  const [task] = await waitFor('the run to be over', async () => {
    const tasks = await system.database.query(
      `SELECT t.status::text, t.attempts, t.result_summary, r.fed::int FROM scheduled_task t JOIN scheduler.run r USING (task_id)
       WHERE t.data_source_id = $1 AND t.status = 'SUCCESS' AND r.fed = $2`,
      [system.sourceId, system.companies.length],
    )
    return tasks.length > 0 && tasks
  })
  expect(task).toEqual({ status: 'SUCCESS', attempts: 1, result_summary: '{}', fed: 4 })
  expect(system.module.calls).toEqual({ '/initialize': 1, '/discover': 4, '/companies': 1 })
  await system.settled((fed += 4))
  const titles = await system.database.query<{ text: string }>(
    `SELECT text FROM normalizer.value JOIN normalizer.lineage USING (event_no) WHERE path = 'title' AND task_id IS NOT NULL ORDER BY text`,
  )
  expect(titles.map(({ text }) => text)).toEqual(system.companies.map(({ name }) => name))
})

test('what cannot be read goes to the dead letters with its reason, and holds up no neighbour', async () => {
  const key = String(system.companies[0]?.id)
  const bytes = {
    'unknown-schema-id': Buffer.from([0, 0x3b, 0x9a, 0xca, 0, 1, 2, 3]),
    'wrong-magic-byte': Buffer.from('{"no": "frame"}'),
    'too-short': Buffer.alloc(0),
    'null-value': null,
  }
  await system.newRun()
  await system.feed(0, page(1))
  await system.topics.produce(
    'mining.raw-payloads.v1',
    Object.values(bytes).map((value) => ({ key, value })),
  )
  await system.feed(0, page(2))
  // An id counts as unknown when the registry has said so for half a minute.
  await system.settled((fed += 2), 75_000)

  const dead = await readDeadLetters(system)
  for (const service of ['raw-sink', 'normalizer']) {
    const letters = dead.filter((letter) => letter.service === service)
    expect(Object.fromEntries(letters.map(({ reason, value }) => [reason, value]))).toEqual(bytes)
    expect(letters.map((letter) => letter.key)).toEqual([key, key, key, key])
  }
  expect(dead).toHaveLength(8)
}, 120_000)

test('no service has ended by itself', () => {
  expect(Object.values(system.services).map((service) => service.crashes())).toEqual([0, 0, 0, 0, 0, 0])
})
