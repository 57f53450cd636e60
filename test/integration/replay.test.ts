import { beforeAll, describe, expect, test, vi } from 'vitest'
import { topics } from '#schemas/topics.ts'
import { commands } from '../../services/normalizer/commands.ts'
import { deleteRecords } from '../harness/group.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { asRole } from '../harness/roles.ts'
import { runCommand } from '../harness/run-command.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'
import { type Fed, type Mapping, normalizerBench, type Source } from '../harness/normalizer/setup.ts'

let installation: Installation
let bench: ReturnType<typeof normalizerBench>
let normalizer: StartedService
let startNormalizer: () => Promise<StartedService>

beforeAll(async () => {
  installation = await createInstallation()
  bench = normalizerBench(installation)
  // As in production: with the rights that commands and services need, and no more.
  const { env, start } = installation
  for (const [name, value] of Object.entries(asRole('cli', env))) vi.stubEnv(name, value)
  startNormalizer = () => start('normalizer', asRole('normalizer', env))
  ;[normalizer] = await Promise.all([startNormalizer(), start('raw-sink', asRole('raw-sink', env))])
  return () => vi.unstubAllEnvs()
})

type Replay = {
  replay_no: number
  state: string
  message: string
  done: number
  total: number
  report: {
    same: number
    added: number
    changed: number
    removed: number
    kept: number
    payloads: number
    problems: Record<string, number>
    samples: { path: string; before: string | null; after: string | null }[]
    paths: Record<string, Record<string, number>>
  }
}

const field = (SourceField: string, DataType: string): Mapping => ({ SourceField, DataType })

/** Feeds payloads and waits until both services have them. */
async function feed(payloads: Fed[]): Promise<(string | null)[]> {
  await bench.feed(payloads)
  for (const { source_name, event_id } of payloads)
    await waitFor(`the document of ${event_id}`, async () => {
      const ref = installation.firestore.client.doc(`parma/mining/datasource/${source_name}/raw_data/${event_id}`)
      return (await ref.get()).exists
    })
  return bench.settled(payloads)
}

const replay = (source: Source, mode: string, ...args: string[]) =>
  runCommand<Replay>(commands.replay, '--source', source.name, '--mode', mode, '--wait', ...args)

/** All values of a source as they count now, with those that parma-web shows. */
async function valuesOf(source: Source) {
  const { database } = installation
  const values = await database.query<Record<string, unknown>>(
    `SELECT event_no, replay_no, generation_no, observed_at, seq, path, item_key, type, number, text, date, subject_key,
       company_measurement_id
     FROM normalizer.value WHERE data_source_id = $1 ORDER BY event_no, seq, path`,
    [source.id],
  )
  const shown: unknown[] = []
  for (const table of ['int', 'float', 'text', 'paragraph', 'date'])
    shown.push(
      await database.query(
        `SELECT company_measurement_id, value::text, timestamp FROM measurement_${table}_value
         JOIN company_source_measurement USING (company_measurement_id)
         JOIN source_measurement m ON m.id = source_measurement_id WHERE m.source_module_id = $1 ORDER BY 1, 3, 2`,
        [source.id],
      ),
    )
  return { values, shown }
}

async function withMaps(mappings: Mapping[]): Promise<Source> {
  const source = await bench.addSource(mappings, null)
  await bench.publishMap(source, 1)
  return source
}

/** The map of the source with another type of a field, or without the field. */
function changed(source: Source, name: string, type: string | null): Source {
  const mappings = source.mappings.flatMap((entry) =>
    entry.SourceField === name ? (type === null ? [] : [{ ...entry, DataType: type }]) : [entry],
  )
  return { ...source, mappings }
}

test('a replay compares, fills and replaces: the values as the new map has them, the old ones kept, once', async () => {
  const source = await withMaps([
    field('name', 'text'),
    field('size', 'text'),
    field('gone', 'int'),
    field('bad', 'date'),
  ])
  const company = await bench.addCompany()
  const data = [
    { name: 'x', size: '12', gone: 1, bad: 'b', items: [] },
    { name: 'y', size: '12', gone: 1, bad: '2024-01-01' },
  ]
  const payloads = data.map((one) => bench.payload(source, company, one))
  expect(await feed(payloads)).toEqual([null, null])
  const before = await valuesOf(source)
  expect(before.values).toHaveLength(7)

  const next = changed(changed(changed(source, 'size', 'int'), 'gone', null), 'bad', 'text')
  await bench.publishMap(next, 2)

  const compared = await replay(source, 'compare')
  expect(compared).toMatchObject({ state: 'done', done: 2, total: 2 })
  expect(compared.report).toMatchObject({ same: 2, added: 1, changed: 3, removed: 2, payloads: 2, problems: {} })
  expect(compared.report.samples).toContainEqual(expect.objectContaining({ path: 'gone', before: '1', after: null }))
  expect(await valuesOf(source)).toEqual(before)
  expect(await bench.counts(source)).toMatchObject({ refused: 1, processed_event: 2 })

  const filled = await replay(source, 'fill')
  expect(filled).toMatchObject({ state: 'done', report: { added: 1 } })
  const full = await valuesOf(source)
  expect(full.values).toHaveLength(8)
  expect(full.values.find(({ text }) => text === 'b')).toMatchObject({
    generation_no: null,
    replay_no: expect.stringMatching(/\d/),
  })
  expect(await bench.counts(source)).not.toHaveProperty('refused')

  const replaced = await replay(source, 'replace', '--reason', 'size is a number')
  expect(replaced.report).toMatchObject({ added: 0, changed: 3, removed: 2 })
  const { values } = await valuesOf(source)
  expect(values.map(({ path, number, text }) => [path, number ?? text])).toEqual([
    ...[
      ['name', 'x'],
      ['size', 12],
      ['bad', 'b'],
    ],
    ...[
      ['name', 'y'],
      ['size', 12],
      ['bad', '2024-01-01'],
    ],
  ])
  expect(await bench.counts(source)).toMatchObject({ int: 2, text: 4, value: 6 })
  expect(await bench.counts(source)).not.toHaveProperty('date')
  const history = await installation.database.query(
    `SELECT path, number, text, replay_id FROM normalizer.value_history
     WHERE event_id = ANY($1) ORDER BY event_no, seq`,
    [payloads.map(({ event_id }) => event_id)],
  )
  const by = { replay_id: `replay/${replaced.replay_no}` }
  expect(history).toMatchObject([
    { path: 'size', text: '12', ...by },
    { path: 'gone', number: 1, ...by },
    { path: 'size', text: '12', ...by },
    { path: 'gone', number: 1, ...by },
    { path: 'bad', ...by },
  ])
  const lineage = await installation.database.query(
    `SELECT DISTINCT path, map_version, replay_id FROM normalizer.value_lineage WHERE data_source_id = $1 ORDER BY 1, 2`,
    [source.id],
  )
  expect(lineage).toContainEqual({ path: 'size', map_version: 2, ...by })
  expect(lineage).toContainEqual({ path: 'name', map_version: 1, replay_id: '' })

  const told = await waitFor('the observations of the replay', async () => {
    const records = (await bench.observations()).filter(({ value }) => value.replay_id === by.replay_id)
    return records.length === 2 && records
  })
  expect(told.map(({ value }) => value.values.map(({ path }) => path)).sort()).toEqual([['size'], ['size', 'bad']])

  const after = await valuesOf(source)
  expect((await replay(source, 'replace')).report).toMatchObject({ same: 6, added: 0, changed: 0, removed: 0 })
  expect(await valuesOf(source)).toEqual(after)
  // By the map of then: back to what it was, but for what nobody had understood.
  expect((await replay(source, 'replace', '--map', 'then')).report).toMatchObject({ changed: 3, added: 2, removed: 1 })
  const restored = await valuesOf(source)
  const bare = (rows: Record<string, unknown>[]) => rows.map(({ replay_no: _, generation_no: __, ...row }) => row)
  expect(bare(restored.values)).toEqual(bare(before.values))
  expect(restored.shown).toEqual(before.shown)
})

const deleteDocument = ({ source_name, event_id }: Fed) =>
  installation.firestore.client.doc(`parma/mining/datasource/${source_name}/raw_data/${event_id}`).delete()

/** All payloads are too old for it. */
async function emptyTopic(): Promise<void> {
  for (const partition of [0, 1, 2])
    await deleteRecords(installation.topics.prefix + topics.rawPayloads.name, partition, -1)
}

test('a payload without a raw document is read from the topic while that has it, and counted afterwards', async () => {
  const source = await withMaps([field('size', 'text')])
  const company = await bench.addCompany()
  const payloads = ['1', '2', '3'].map((size) => bench.payload(source, company, { size }))
  await feed(payloads)
  await bench.publishMap(changed(source, 'size', 'int'), 2)
  for (const payload of payloads.slice(1)) await deleteDocument(payload)
  expect((await replay(source, 'compare')).report).toMatchObject({ changed: 3, problems: {} })
  await emptyTopic()
  const { report } = await replay(source, 'replace')
  expect(report).toMatchObject({ changed: 1, problems: { 'unreadable-document': 2 } })
  expect((await valuesOf(source)).values.map(({ type }) => type)).toEqual(['int', 'text', 'text'])
})

describe('bad input', () => {
  test('is said in a sentence, or counted', async () => {
    const source = await withMaps([field('name', 'text')])
    const company = await bench.addCompany()
    await expect(replay(source, 'compare')).rejects.toThrow('There are no payloads of this source')
    const deleted = await bench.addCompany()
    const payloads = [
      ...['a', 'b'].map((name) => bench.payload(source, company, { name })),
      bench.payload(source, deleted, { name: 'c' }),
    ]
    await feed(payloads)
    await expect(replay(source, 'compare', '--from', '2099-01-01')).rejects.toThrow('There are no payloads')
    await expect(replay(source, 'all')).rejects.toThrow('give compare, fill or replace')
    expect(await replay(source, 'fill', '--map', '7')).toMatchObject({
      state: 'failed',
      message: 'The map of the source has no version 7.',
    })
    process.exitCode = undefined
    await installation.database.query('DELETE FROM company WHERE id = $1', [deleted])
    await deleteDocument(payloads[0]!)
    await emptyTopic()
    await installation.database.query('UPDATE normalizer.processed_event SET map_version = 9 WHERE event_id = $1', [
      payloads[1]!.event_id,
    ])
    const done = await replay(source, 'replace', '--map', 'then')
    expect(done).toMatchObject({ state: 'done', done: 3 })
    expect(done.report.problems).toEqual({ 'unreadable-document': 1, 'map-missing': 1, 'unknown-company': 1 })
    expect(await bench.counts(source)).toMatchObject({ value: 3 })
    expect(await bench.counts(source)).not.toHaveProperty('refused')
  })
})

test('a corrected value takes the place of the wrong one, stays at a replay, and can be corrected again', async () => {
  const source = await withMaps([field('stars', 'int'), field('name', 'text')])
  const payload = bench.payload(source, await bench.addCompany(), { stars: 5, name: 'x' })
  await feed([payload])
  const before = await valuesOf(source)
  const correct = (value: string, ...args: string[]) =>
    runCommand<{ message: string }>(
      commands.values,
      ...['correct', '--event', payload.event_id, '--path', 'stars', '--value', value, '--reason', 'a zero too few'],
      ...args,
    )
  await expect(correct('many')).rejects.toThrow('"many" is no int: not a number.')
  await expect(correct('7', '--was', '6')).rejects.toThrow('It is no longer 6 but 5')
  expect(await correct('50', '--was', '5')).toEqual({ message: 'stars is 50 now, and was 5.' })
  await expect(correct('51', '--was', '5')).rejects.toThrow('somebody else has changed it')
  expect(await correct('50')).toEqual({ message: 'It is 50 already.' })
  const lineage = () =>
    installation.database.query(
      `SELECT number, replay_id, corrected_by, correction_reason FROM normalizer.value_lineage
       WHERE event_id = $1 AND path = 'stars'`,
      [payload.event_id],
    )
  const by = { corrected_by: expect.stringMatching(/^cli:/), correction_reason: 'a zero too few' }
  expect(await lineage()).toMatchObject([{ number: 50, ...by }])
  expect(await bench.counts(source)).toMatchObject({ int: 1, text: 1, value: 2 })
  const observed = await waitFor('its observation', async () =>
    (await bench.observations()).find(({ value }) => value.replay_id?.startsWith('correction/')),
  )
  expect(observed.value).toMatchObject({ event_id: payload.event_id, values: [{ path: 'stars', number: 50 }] })

  expect((await replay(source, 'replace')).report).toMatchObject({ kept: 1, same: 1, changed: 0 })
  expect(await lineage()).toMatchObject([{ number: 50, ...by }])
  expect(await correct('5')).toEqual({ message: 'stars is 5 now, and was 50.' })
  expect((await valuesOf(source)).shown).toEqual(before.shown)
  const audit = await installation.database.query(
    `SELECT before, after FROM normalizer.audit WHERE kind = 'normalizer.value.correct' ORDER BY audit_id`,
  )
  expect(audit).toMatchObject([{ before: { value: '5' }, after: { value: '50' } }, { after: { value: '5' } }])
})

test('the analyzer follows corrected and replaced values, and tells nobody', async () => {
  await installation.start('analyzer', asRole('analyzer', installation.env))
  const source = await withMaps([field('stars', 'int'), field('gone', 'int')])
  const company = await bench.addCompany()
  const payloads = [10, 1000, 30].map((stars, n) =>
    bench.payload(source, company, { stars, gone: n }, { observed_at: Date.now() - (3 - n) * 3_600_000 }),
  )
  await feed(payloads)
  const { database } = installation
  const states = async () => {
    const rows = await database.query<{ name: string; value: string; observed_at: Date; recent: number[] }>(
      `SELECT m.measurement_name AS name, s.state -> 'last' ->> 'number' AS value, s.observed_at, s.state -> 'recent' AS recent
       FROM analyzer.series_state s JOIN company_source_measurement USING (company_measurement_id)
       JOIN source_measurement m ON m.id = source_measurement_id WHERE m.source_module_id = $1 ORDER BY 1`,
      [source.id],
    )
    return Object.fromEntries(rows.map(({ name, recent }) => [name, recent]))
  }
  await waitFor('all to be judged', async () => (await states()).stars?.length === 3)
  const correct = (event_id: string, value: string) =>
    runCommand(
      commands.values,
      ...['correct', '--event', event_id, '--path', 'stars', '--value', value, '--reason', 'wrong'],
    )
  await correct(payloads[1]!.event_id, '20')
  await waitFor('the state to follow', async () => (await states()).stars?.join() === '10,20,30')
  await correct(payloads[2]!.event_id, '31')
  await waitFor('the state to follow', async () => (await states()).stars?.join() === '10,20,31')
  await bench.publishMap(changed(source, 'gone', null), 2)
  await replay(source, 'replace')
  await waitFor('the series to be forgotten', async () => !('gone' in (await states())))
  expect((await states()).stars).toEqual([10, 20, 31])
  const told = await database.query(
    `SELECT FROM analyzer.news WHERE data_source_id = $1 AND replay_id <> '' AND NOT silent`,
    [source.id],
  )
  expect(told).toEqual([])
})

test('a replay that is killed, paused and resumed comes to the same end', async () => {
  const source = await withMaps([field('name', 'text'), field('size', 'text')])
  const companies = [await bench.addCompany(), await bench.addCompany()]
  const payloads = Array.from({ length: 240 }, (_, n) =>
    bench.payload(source, companies[n % 2]!, { name: `n${n}`, size: String(n) }),
  )
  await feed(payloads)
  await bench.publishMap(changed(source, 'size', 'int'), 2)
  const { replay: no } = await runCommand<{ replay: number }>(
    commands.replay,
    ...['--source', source.name, '--mode', 'replace', '--rate', '40'],
  )
  const state = async () => {
    const [row] = await installation.database.query<{ state: string; done: number }>(
      'SELECT state, done FROM normalizer.replay WHERE replay_no = $1',
      [no],
    )
    return row!
  }
  await expect(replay(source, 'fill')).rejects.toThrow('has not ended yet')
  await waitFor('the replay to have begun', async () => (await state()).done > 0)
  await normalizer.kill()
  expect((await state()).done).toBeLessThan(240)
  normalizer = await startNormalizer()
  const killedAt = (await state()).done
  await waitFor('it to go on', async () => (await state()).done > killedAt)
  const change = (name: string) => runCommand<{ message: string }>(commands.replays, name, String(no))
  expect(await change('pause')).toEqual({ message: `Replay ${no} pauses.` })
  const [paused] = await installation.database.query<{ done: number }>(
    'SELECT done FROM normalizer.replay WHERE replay_no = $1',
    [no],
  )
  expect(paused!.done).toBeLessThan(240)
  expect(await change('resume')).toEqual({ message: `Replay ${no} goes on.` })
  await waitFor('its end', async () => (await state()).state === 'done', 60_000)
  const { values } = await valuesOf(source)
  expect(values).toHaveLength(480)
  expect(values.filter(({ number, type }) => type === 'int' && number !== null)).toHaveLength(240)
  expect(await bench.counts(source)).toMatchObject({ int: 240, text: 240, processed_event: 480 })
  await waitFor('240 observations', async () => {
    const told = (await bench.observations()).filter(({ value }) => value.replay_id === `replay/${no}`)
    return new Set(told.map(({ value }) => value.event_id)).size === 240
  })
  await expect(change('resume')).rejects.toThrow(`Replay ${no} is done.`)
})
