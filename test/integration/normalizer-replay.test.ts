import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { github, org } from '../harness/normalizer/github.ts'
import { installNormalizer, type InstalledNormalizer } from '../harness/normalizer/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let bench: InstalledNormalizer
beforeAll(async () => {
  bench = await installNormalizer()
})

describe('a replay', () => {
  test('adds what is missing, once, and observes only that, silently', async () => {
    const source = await bench.addSource(github, null)
    const company = await bench.addCompany()
    const typed = (type: string) =>
      source.mappings.map((entry) => (entry.SourceField === 'size' ? { ...entry, DataType: type } : entry))
    await bench.publishMap({ ...source, mappings: typed('date').slice(1) }, 1)
    await bench.publishMap({ ...source, mappings: typed('text') }, 2)
    const payload = bench.payload(source, company, { ...org, size: 5 }, { task_id: 7 })
    await bench.feed([payload])
    await bench.observed([payload])
    expect(await bench.counts(source)).toMatchObject({ value: 15, refused: 1 })

    const replay = { replay_id: randomUUID(), reason: 'new map', map_version: 2 }
    const again = { ...replay, replay_id: randomUUID() }
    await bench.feed([
      { ...payload, replay },
      { ...payload, replay },
    ])
    const told = await waitFor('both deliveries of the replay', async () => {
      const records = (await bench.observations()).filter(({ value }) => value.replay_id === replay.replay_id)
      return records.length === 2 && records
    })
    expect(told[1]?.bytes.equals(told[0]!.bytes)).toBe(true)
    expect(told[0]?.value).toMatchObject({
      event_id: payload.event_id,
      map_version: 2,
      observed_at: payload.received_at,
      refused: 0,
    })
    expect(told[0]?.value.values).toMatchObject([
      { path: 'name', text: 'Org', seq: 0 },
      { path: 'size', text: '5', seq: 16 },
    ])
    const counts = await bench.counts(source)
    expect(counts).toMatchObject({ value: 17, processed_event: 2 })
    expect(counts).not.toHaveProperty('refused')
    const lineage = await bench.installation.database.query(
      `SELECT map_version, replay_id, event_id, document, task_id, source_name, count(*)::int AS values, min(path) AS path
       FROM normalizer.value_lineage WHERE data_source_id = $1 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1`,
      [source.id],
    )
    const from = {
      ...{ event_id: payload.event_id, task_id: 7, source_name: source.name },
      document: `parma/mining/datasource/${source.name}/raw_data/${payload.event_id}`,
    }
    expect(lineage).toEqual([
      { ...from, map_version: 1, replay_id: '', values: 15, path: 'repos[].archived' },
      { ...from, map_version: 2, replay_id: replay.replay_id, values: 2, path: 'name' },
    ])

    const other = bench.payload(source, company, { ...org, size: 5 })
    await bench.feed([
      { ...payload, replay: again },
      payload,
      { ...payload, replay: { ...again, replay_id: 'other content' }, content_hash: 'x' },
      other,
    ])
    await bench.observed([other])
    expect((await bench.observations()).filter(({ value }) => value.replay_id === again.replay_id)).toEqual([])
    expect(await bench.counts(source)).toMatchObject({ value: 17 + 15, refused: 2 })
    const live = (await bench.observations()).filter(
      ({ value }) => value.event_id === payload.event_id && value.replay_id === null,
    )
    expect(live).toHaveLength(2)
    expect(live[1]?.bytes.equals(live[0]!.bytes)).toBe(true)
  })

  test('of a payload refused as a whole stores all of it', async () => {
    const [source, company] = [await bench.addSource(github, null), await bench.addCompany()]
    const payload = bench.payload(source, company, org, { map_version: null })
    await bench.feed([payload])
    expect(await bench.settled([payload])).toEqual(['no-map'])
    await bench.publishMap(source, 1)
    const replay = { replay_id: randomUUID(), reason: 'there is a map', map_version: 1 }
    await bench.feed([{ ...payload, replay }])
    const record = await bench.observedOnce(payload)
    expect(record.value).toMatchObject({ replay_id: replay.replay_id, observed_at: payload.received_at })
    expect(record.value.values).toHaveLength(17)
    expect(await bench.counts(source)).not.toHaveProperty('refused')
  })

  test('that is refused as a whole leaves open what it did not decide', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payload = bench.payload(source, company, { name: 'n', size: 'many' })
    await bench.feed([payload])
    await bench.observed([payload])
    const open = () =>
      bench.installation.database.query<{ reason: string }>(
        'SELECT reason FROM normalizer.refused WHERE data_source_id = $1 AND superseded_by IS NULL ORDER BY refused_at',
        [source.id],
      )
    const replay = (replay_id: string) => ({ ...payload, replay: { replay_id, reason: 'r', map_version: 7 } })
    for (const id of ['a', 'b']) {
      await bench.feed([replay(id)])
      expect(await bench.settled([replay(id)])).toEqual(['map-missing'])
    }
    // The second says again what the first said of the payload, and neither anything of its values.
    expect((await open()).map(({ reason }) => reason)).toEqual(['not-a-number', 'map-missing'])
  })

  test('beside others in one batch closes what those before it left open', async () => {
    const [source, company] = [await bench.addSource(github), await bench.addCompany()]
    const payload = bench.payload(source, company, { name: 'n', size: 'many' })
    const replay = (replay_id: string, map_version: number) => ({
      ...payload,
      replay: { replay_id, reason: 'r', map_version },
    })
    // In this order, all at once: the payload, one that misses its map, two that judge it, one that misses its map.
    const batch = [payload, replay('d', 7), replay('c', 1), replay('b', 1), replay('a', 8)]
    await bench.feed(batch, 2)
    expect(await bench.settled(batch)).toEqual([null, 'map-missing', null, null, 'map-missing'])
    const rows = await bench.installation.database.query(
      `SELECT r.reason, r.map_version, p.replay_id AS closed_by
       FROM normalizer.refused r LEFT JOIN normalizer.processed_event p ON p.event_no = superseded_by
       WHERE r.data_source_id = $1 ORDER BY r.reason DESC, p.replay_id DESC NULLS LAST`,
      [source.id],
    )
    expect(rows).toEqual([
      { reason: 'not-a-number', map_version: 1, closed_by: 'c' },
      { reason: 'not-a-number', map_version: 1, closed_by: 'b' },
      { reason: 'not-a-number', map_version: 1, closed_by: null },
      { reason: 'map-missing', map_version: null, closed_by: 'c' },
      { reason: 'map-missing', map_version: null, closed_by: null },
    ])
    expect(await bench.counts(source)).toMatchObject({ value: 1, refused: 2 })
  })

  test('that splits what was one value stores all its leaves, the first too', async () => {
    const [source, company] = [await bench.addSource(github, null), await bench.addCompany()]
    const inner = await bench.addMeasurements(source.id, [
      { SourceField: 'a', DataType: 'int' },
      { SourceField: 'b', DataType: 'int' },
    ])
    const [outer] = await bench.addMeasurements(source.id, [{ SourceField: 'box', DataType: 'text' }])
    await bench.publishMap({ ...source, mappings: [outer!] }, 1)
    await bench.publishMap({ ...source, mappings: [{ ...outer!, DataType: 'nested', NestedMappings: inner }] }, 2)
    const payload = bench.payload(source, company, { box: { a: 1, b: 2 } })
    await bench.feed([payload])
    await bench.observed([payload])
    const replay = { replay_id: randomUUID(), reason: 'new map', map_version: 2 }
    await bench.feed([{ ...payload, replay }])
    await bench.settled([{ ...payload, replay }])
    const stored = await bench.installation.database.query(
      'SELECT path, number, text FROM normalizer.value WHERE data_source_id = $1 ORDER BY seq, path',
      [source.id],
    )
    expect(stored).toEqual([
      { path: 'box', number: null, text: '{"a":1,"b":2}' },
      { path: 'box.a', number: 1, text: null },
      { path: 'box.b', number: 2, text: null },
    ])
  })
})
