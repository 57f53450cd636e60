import { beforeAll, expect, test, vi } from 'vitest'
import { useSession } from '../harness/edge/console.ts'
import { startDesk, type TestDesk } from '../harness/edge/desk.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { normalizerBench } from '../harness/normalizer/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let desk: TestDesk
beforeAll(async () => {
  desk = await startDesk()
})

const path = '/console/replays'
const textOf = (markup: string) => markup.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

test('without a replay and without a source the page says what to do', async () => {
  const { status, text } = await desk.open(path)
  expect(status).toBe(200)
  expect(text).toContain('No replay yet')
  expect(text).toContain('No data source')
})

test('a viewer has no such page, and can begin nothing', async () => {
  const { viewer } = desk.cookies
  expect((await desk.open(path, viewer)).status).toBe(403)
  const form = { source: '1', mode: 'replace', map: 'now', key: crypto.randomUUID() }
  expect((await desk.send(path, form, viewer)).status).toBe(403)
})

test('a replay is asked for with its counts, begun once, shown with samples, paused and ended', async () => {
  const { edge } = desk
  await Promise.all([edge.start('normalizer'), edge.start('raw-sink')])
  const bench = normalizerBench(edge)
  const source = await bench.addSource([
    { SourceField: 'size', DataType: 'text' },
    { SourceField: 'name', DataType: 'text' },
  ])
  const payloads = [1, 2, 3].map((size) => ({ size: String(size), name: `<b>${size}</b>` }))
  const company = await bench.addCompany()
  const fed = payloads.map((data) => bench.payload(source, company, data))
  await bench.feed(fed)
  await bench.settled(fed)
  for (const { event_id } of fed)
    await waitFor('its document', async () => {
      const at = `parma/mining/datasource/${source.name}/raw_data/${event_id}`
      return (await edge.firestore.client.doc(at).get()).exists
    })
  const mappings = source.mappings.map((one) => ({
    ...one,
    DataType: one.SourceField === 'size' ? 'int' : 'paragraph',
  }))
  await bench.publishMap({ ...source, mappings }, 2)

  const { text: ask } = await desk.open(`${path}/new?source=${source.id}&mode=replace&map=now&company=&from=&to=`)
  expect(textOf(ask)).toMatch(/Payloads 3 Companies 1/)
  expect(ask).toContain('to undo it, replace by the map of their time')
  const none = await desk.open(`${path}/new?source=${source.id}&mode=replace&map=now&from=2099-01-01`)
  expect(none.text).toContain('Nothing to read')
  expect((await desk.open(`${path}/new?source=999999&mode=replace&map=now`)).status).toBe(404)

  const form = { source: String(source.id), mode: 'compare', map: 'now', reason: 'to <see>', key: crypto.randomUUID() }
  const begun = await desk.send(path, form)
  expect(textOf(begun.text)).toContain(`Replay 1 of ${source.name} has begun: 3 payloads of one company.`)
  expect((await desk.send(path, form)).text).toContain('Replay 1 of')
  const ended = async (no: number) =>
    waitFor(`the end of replay ${no}`, async () => {
      const { text } = await desk.open(`${path}/${no}`)
      return /Done|Failed|Canceled/.test(textOf(text)) && text
    })
  const compared = await ended(1)
  expect(textOf(compared)).toMatch(/What would change Same 0 Added 0 Changed 6 Removed 0/)
  expect(compared).toContain('&lt;b&gt;1&lt;/b&gt;')
  expect(compared).toContain('to &lt;see&gt;')

  const replace = { ...form, mode: 'replace', key: crypto.randomUUID() }
  await desk.send(path, replace)
  expect(textOf(await ended(2))).toMatch(/What has changed Same 0 Added 0 Changed 6/)
  const resumed = await desk.send(`${path}/2`, { what: 'resume' })
  expect(resumed.text).toContain('Replay 2 is done.')
  const all = await desk.open(path)
  expect(all.text).toContain(`href="${path}/2"`)
  expect((await desk.open(`${path}/77`)).status).toBe(404)

  const { json } = await edge.call('/api/v1/replays', { headers: { authorization: await edge.apiKey('operator') } })
  expect(json).toMatchObject({
    replays: [
      { replay: 2, mode: 'replace', state: 'done' },
      { replay: 1, mode: 'compare' },
    ],
  })
  const audit = await edge.database.query(
    `SELECT kind, actor FROM normalizer.audit WHERE kind LIKE 'normalizer.replay.%' ORDER BY audit_id`,
  )
  expect(audit).toEqual([
    { kind: 'normalizer.replay.start', actor: expect.stringMatching(/^key:/) },
    { kind: 'normalizer.replay.start', actor: expect.stringMatching(/^key:/) },
  ])

  const watched = await openWatchedPage(edge.url)
  await useSession(watched.page, edge.url, desk.cookies.operator)
  for (const at of [path, `${path}/2`, `${path}/new?source=${source.id}&mode=replace&map=now`])
    expect(await violationsOf(watched, `${edge.url}${at}`), at).toEqual([])
})
