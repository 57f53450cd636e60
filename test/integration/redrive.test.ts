import { beforeAll, describe, expect, test, vi } from 'vitest'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { topics } from '#schemas/topics.ts'
import { commands } from '../../services/raw-sink/commands.ts'
import { deleteRecords } from '../harness/group.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { runCommand } from '../harness/run-command.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'
import { type Fed, type Mapping, normalizerBench } from '../harness/normalizer/setup.ts'

let installation: Installation
let bench: ReturnType<typeof normalizerBench>
let normalizer: StartedService

beforeAll(async () => {
  installation = await createInstallation()
  bench = normalizerBench(installation)
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  ;[normalizer] = await Promise.all([installation.start('normalizer'), installation.start('raw-sink')])
  return () => vi.unstubAllEnvs()
})

type Redriven = { replay_id: string; redriven: number; unreadable: string[]; gap_filled?: boolean }

const redrive = <T = Redriven>(...args: string[]) => runCommand<T>(commands.redrive, ...args)

/** Feeds payloads and waits until both services have them. */
async function feed(...payloads: Fed[]): Promise<(string | null)[]> {
  await bench.feed(payloads)
  await stored(payloads)
  return bench.settled(payloads)
}

/** Waits until raw-sink has them. */
async function stored(payloads: Fed[]): Promise<void> {
  for (const { source_name, event_id } of payloads)
    await waitFor(`the document of ${event_id}`, async () => {
      const ref = installation.firestore.client.doc(`parma/mining/datasource/${source_name}/raw_data/${event_id}`)
      return (await ref.get()).exists
    })
}

async function replayed(replayId: string, count: number) {
  return waitFor(`${count} replayed payloads`, async () => {
    const rows = await installation.database.query('SELECT FROM normalizer.processed_event WHERE replay_id = $1', [
      replayId,
    ])
    return rows.length === count
  })
}

const field = (SourceField: string, DataType: string): Mapping => ({ SourceField, DataType })

test('what a map refused is read again by its next version: exactly the missing values, once, told to nobody', async () => {
  const source = await bench.addSource([field('name', 'text'), field('size', 'date')], null)
  await bench.publishMap(source, 1)
  const company = await bench.addCompany()
  // Larger than a document of Firestore, so that its bytes lie in parts.
  const large = { name: 'ä'.repeat(1_500_000), size: 'a', stars: 7 }
  const payloads = [{ name: 'x', size: 'b' }, { name: 'y', size: '2024-01-01' }, large].map((data) =>
    bench.payload(source, company, data),
  )
  expect(await feed(...payloads)).toEqual([null, null, null])
  expect(await bench.counts(source)).toMatchObject({ value: 4, refused: 2 })

  const mappings = source.mappings.map((entry) =>
    entry.SourceField === 'size' ? { ...entry, DataType: 'text' } : entry,
  )
  await bench.publishMap({ ...source, mappings }, 2)
  await waitFor('the second map', async () => {
    const maps = installation.firestore.client.collection(`parma/mining/datasource/${source.name}/normalization_schema`)
    return (await maps.where('version', '==', 2).get()).size === 1
  })
  const args = ['--source', source.name, '--map-version', '2']
  expect(await redrive<unknown>(...args, '--dry-run')).toMatchObject([{ payloads: 2, leaves: 2 }])
  expect(await bench.counts(source)).toMatchObject({ value: 4, refused: 2 })

  const first = await redrive(...args)
  expect(first).toMatchObject({ redriven: 2, unreadable: [] })
  await replayed(first.replay_id, 2)
  const counts = await bench.counts(source)
  expect(counts).toMatchObject({ value: 6 })
  expect(counts).not.toHaveProperty('refused')
  const told = await waitFor('the observations of the replay', async () => {
    const records = (await bench.observations()).filter(({ value }) => value.replay_id === first.replay_id)
    return new Set(records.map(({ value }) => value.event_id)).size === 2 && records
  })
  for (const { value } of told)
    expect(value.values.map(({ path, text }) => [path, text?.length])).toEqual([['size', 1]])

  expect(await redrive(...args)).toMatchObject({ redriven: 0 })
  const unmapped = await redrive('--source', source.name, '--reason', 'unmapped', '--event', payloads[2]!.event_id)
  expect(unmapped).toMatchObject({ redriven: 1 })
  await replayed(unmapped.replay_id, 1)
  expect(await bench.counts(source)).toEqual({ ...counts, processed_event: 6 })
})

describe('a payload', () => {
  test('that was refused as a whole is stored once its company is there', async () => {
    const source = await bench.addSource([field('name', 'text')])
    const payload = bench.payload(source, 900_001, { name: 'x' })
    expect(await feed(payload)).toEqual(['unknown-company'])
    await installation.database.query(`INSERT INTO public.company (id, name, modified_at) VALUES (900001, 'c', now())`)
    const { replay_id } = await redrive('--source', source.name, '--reason', 'unknown-company')
    await replayed(replay_id, 1)
    expect(await bench.counts(source)).toMatchObject({ value: 1, text: 1 })
  })

  test('whose raw document is gone is named, and costs the others nothing', async () => {
    const source = await bench.addSource([field('size', 'date')])
    const company = await bench.addCompany()
    const payloads = ['a', 'b'].map((size) => bench.payload(source, company, { size }))
    await feed(...payloads)
    const path = `parma/mining/datasource/${source.name}/raw_data/${payloads[0]!.event_id}`
    await installation.firestore.client.doc(path).delete()
    const done = await redrive('--source', source.name)
    expect(process.exitCode).toBe(1)
    process.exitCode = undefined
    expect(done).toMatchObject({ redriven: 1, unreadable: [`${path}: the document does not exist`] })
    await replayed(done.replay_id, 1)
    expect(await bench.counts(source)).toMatchObject({ refused: 2 })
  })
})

test('a mistake is one sentence', async () => {
  const source = await bench.addSource([field('name', 'text')])
  await expect(redrive('--source', 'nobody')).rejects.toThrow('There are no payloads of a data source "nobody"')
  await feed(bench.payload(source, await bench.addCompany(), { name: 'x' }))
  await expect(redrive('--source', source.name, '--map-version', '7')).rejects.toThrow('has no version 7')
  await expect(redrive('--source', source.name, '--rate', '0')).rejects.toThrow(
    '--rate is "0": give a whole number from 1 to 10000',
  )
})

describe('documents of earlier versions, with their bytes in the field body', () => {
  /** Stores payloads as earlier versions did, and returns their paths. */
  async function storeAsBefore(sourceName: string, payloads: readonly Fed[]): Promise<string[]> {
    const { client } = installation.firestore
    const paths = payloads.map(({ event_id }) => `parma/mining/datasource/${sourceName}/raw_data/${event_id}`)
    for (const [index, path] of paths.entries()) {
      await client.doc(path).update({ body: payloads[index]?.body, body_parts: 0 })
      await client.doc(`${path}/parts/1`).delete()
    }
    return paths
  }

  test('are read, and are rewritten by a command that may be run again', async () => {
    const { client } = installation.firestore
    const source = await bench.addSource([field('size', 'date')])
    const company = await bench.addCompany()
    const payloads = Array.from({ length: 45 }, (_, n) => bench.payload(source, company, { size: `no date ${n}` }))
    await feed(...payloads)
    const paths = await storeAsBefore(source.name, payloads)
    const first = await redrive('--source', source.name)
    expect(first).toMatchObject({ redriven: 45, unreadable: [] })
    await client.doc(paths[7] ?? '').update({ content_hash: 'of something else' })

    const move = (...args: string[]) =>
      runCommand<{ moved: number; left: string[] }>(commands.documents, 'move-bodies', ...args)
    const bytes = payloads.reduce((sum, { body }) => sum + body.length, 0)
    expect(await move('--source', source.name, '--dry-run')).toEqual({ dry_run: true, moved: 45, bytes, left: [] })
    const left = [`${paths[7]}: the body is not the one that was stored`]
    expect(await move('--rate', '10000')).toMatchObject({ moved: 44, left })
    expect(process.exitCode).toBe(1)
    process.exitCode = undefined
    expect(await move('--source', source.name)).toMatchObject({ moved: 0, left })
    process.exitCode = undefined
    for (const [index, path] of paths.entries()) {
      const document = await client.doc(path).get()
      expect(document.get('body_parts')).toBe(index === 7 ? 0 : 1)
      expect(document.get('body') !== undefined).toBe(index === 7)
      const part = await client.doc(`${path}/parts/1`).get()
      if (index !== 7) expect(part.get('bytes')).toEqual(payloads[index]?.body)
    }
    expect(await redrive('--source', source.name)).toMatchObject({ redriven: 44 })
    process.exitCode = undefined
    const audited = await installation.database.query<{ kind: string; after: { payloads?: number } }>(
      `SELECT kind, after FROM cli.audit_view WHERE subject IN ($1, 'documents') ORDER BY audit_id`,
      [`source:${source.name}`],
    )
    expect(audited.map(({ kind, after }) => [kind, after.payloads])).toEqual([
      ['cli.redrive', 45],
      ['cli.documents.move', undefined],
      ['cli.documents.move', undefined],
      ['cli.redrive', 45],
    ])
    await expect(move('--source', 'nobody')).rejects.toThrow('--source is "nobody": there are no raw documents')
  })
})

test('payloads that the topic lost before the normalizer had read them are brought back, once and silent', async () => {
  const source = await bench.addSource([field('name', 'text')])
  const company = await bench.addCompany()
  await feed(bench.payload(source, company, { name: 'known' }))
  expect(await normalizer.stop()).toBe(0)
  const lost = ['x', 'y'].map((name) => bench.payload(source, company, { name }))
  await bench.feed(lost)
  await stored(lost)
  const topic = installation.topics.prefix + topics.rawPayloads.name
  const records = await installation.topics.read(topics.rawPayloads.name)
  const ends = Map.groupBy(records, ({ partition }) => partition)
  for (const [partition, some] of ends) await deleteRecords(topic, partition, some.at(-1)!.offset + 1)

  const port = await findFreePort()
  const started = installation.start('normalizer', { HEALTH_PORT: String(port) })
  const ready = async () => (await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()) as Record<string, string>
  await waitFor('the loss to be noticed', async () => /2 records/.test((await ready()).lost_records ?? ''))
  expect(await redrive<unknown>('--missing', '--dry-run')).toEqual([{ source: source.name, payloads: 2 }])
  const done = await redrive('--missing')
  expect(done).toMatchObject({ redriven: 2, unreadable: [], gap_filled: true })
  await replayed(done.replay_id, 2)
  expect(await bench.counts(source)).toMatchObject({ value: 3 })
  const told = await waitFor('the observations', async () => {
    const read = (await bench.observations()).filter(({ value }) => value.replay_id === done.replay_id)
    return read.length === 2 && read
  })
  expect(told.map(({ value }) => value.event_id).sort()).toEqual(lost.map(({ event_id }) => event_id).sort())
  await started
  expect(await redrive('--missing')).toMatchObject({ redriven: 0 })
})
