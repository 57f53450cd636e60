import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test, vi } from 'vitest'
import { prefixed } from '#runtime/kafka/client.ts'
import { type ReadPositions, readTopics } from '#runtime/kafka/read-topics.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings } from '#runtime/process/settings.ts'
import { type Codec, createCodec } from '#schemas/codec.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { commands as cli } from '../../services/cli/commands.ts'
import { commands } from '../../services/edge/commands.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

const letters = `${topics.observations.name}.analyzer.dlq`
let installation: Installation
let codec: Codec

beforeAll(async () => {
  installation = await createInstallation()
  codec = createCodec(createRegistry(installation.env.SCHEMA_REGISTRY_URL ?? ''))
  for (const [name, value] of Object.entries(installation.env)) vi.stubEnv(name, value)
  return () => vi.unstubAllEnvs()
})

const dlq = <T = unknown>(...args: string[]) => runCommand<T>(commands.dlq, ...args)

/** Dead letters of the analyzer as `parma status` counts them. */
async function countInStatus(): Promise<number | undefined> {
  type Status = { services: { service: string; dead_letters: number }[] }
  const { services } = await runCommand<Status>(cli.status)
  return services.find(({ service }) => service === 'analyzer')?.dead_letters
}

let eventNo = 0
const observation = (): Observation => ({
  ...{ event_id: randomUUID(), event_no: ++eventNo, part: 1, parts: 1, data_source_id: 1, source_name: 'github' },
  ...{ company_id: '1', task_id: null, map_version: 1, observed_at: Date.now(), history: false, replay_id: null },
  ...{ subject_key: '', values: [], refused: 0, empty_lists: [] },
})

const failedAt = '2026-11-01T10:00:00.000Z'
const death = (event_id: string, reason: string) => ({
  ...{ event_id, '__dlq.reason': reason, '__dlq.stage': 'decode', '__dlq.errors.message': 'as it was then' },
  '__dlq.first.failed.at': failedAt,
})

/** Dead letters of an earlier analyzer that could not read what today's can, and one that nobody can read. */
async function leaveDeadLetters(count: number): Promise<Observation[]> {
  const good = Array.from({ length: count }, observation)
  const name = installation.topics.prefix + topics.observations.name
  const values = await Promise.all(good.map((one) => codec.encode(topics.observations, name, one)))
  await installation.topics.produce(letters, [
    ...good.map(({ event_id }, index) => ({
      key: '1',
      value: values[index]!,
      headers: death(event_id, 'undecodable'),
    })),
    { key: '1', value: Buffer.from('not a frame'), headers: death('none', 'wrong-magic-byte') },
  ])
  return good
}

const judged = async (event_ids: string[]) =>
  (await installation.database.query('SELECT FROM analyzer.processed_event WHERE event_id = ANY($1)', [event_ids]))
    .length

type Row = { reason: string; letters: number; state: string; oldest: string; schema: number | null }
type Each = { id: string; event_id: string; reason: string; replays: number; first_failed_at: string }

test('dead letters are listed, shown, replayed once to their service, and dropped', async () => {
  expect(await dlq('ls')).toEqual([])
  const good = await leaveDeadLetters(3)
  const rows = await dlq<Row[]>('ls')
  expect(rows).toMatchObject([
    { service: 'analyzer', topic: topics.observations.name, reason: 'undecodable', letters: 3, oldest: failedAt },
    { service: 'analyzer', reason: 'wrong-magic-byte', letters: 1, schema: null },
  ])
  expect(rows[0]?.schema).toEqual(expect.any(Number))
  expect(await countInStatus()).toBe(4)

  const each = await dlq<Each[]>('ls', '--each')
  const first = each.find(({ event_id }) => event_id === good[0]?.event_id)
  expect(await dlq('show', first!.id)).toMatchObject({
    state: 'open',
    key: '1',
    headers: { '__dlq.errors.message': 'as it was then' },
    value: { event_id: good[0]?.event_id, values: [] },
  })
  const bad = each.find(({ reason }) => reason === 'wrong-magic-byte')
  expect(await dlq('show', bad!.id)).toMatchObject({
    value: { not_readable: expect.stringContaining('not 0') as string, bytes: 11 },
  })

  await installation.start('analyzer')
  expect(await dlq('replay', '--all', '--dry-run')).toEqual({
    ...{ replayed: 4, died_too_often: 0, too_large: 0, dry_run: true },
  })
  expect(await installation.topics.read(topics.observations.name)).toEqual([])
  expect(await dlq('replay', '--id', first!.id)).toMatchObject({ replayed: 1 })
  expect(await dlq('replay', '--all', '--rate', '1000')).toMatchObject({ replayed: 3 })
  await waitFor('the replayed observations', async () => (await judged(good.map(({ event_id }) => event_id))) === 3)
  for (const { headers } of await installation.topics.read(topics.observations.name))
    expect(headers).toMatchObject({ replay_for: 'analyzer', replay_count: '1', '__dlq.first.failed.at': failedAt })

  const again = await waitFor('the one that nobody can read', async () => {
    const open = await dlq<Each[]>('ls', '--each')
    return open.length === 1 && open
  })
  expect(again).toMatchObject([{ event_id: 'none', replays: 1, first_failed_at: failedAt }])
  for (const replays of [2, 3]) {
    expect(await dlq('replay', '--reason', 'wrong-magic-byte')).toMatchObject({ replayed: 1 })
    await waitFor('its next death', async () => (await dlq<Each[]>('ls', '--each')).at(0)?.replays === replays)
  }
  expect(await dlq('replay', '--all')).toMatchObject({ replayed: 0, died_too_often: 1 })

  await expect(dlq('drop', '--all')).rejects.toThrow('Confirm with --yes')
  expect(await dlq('drop', '--all', '--yes')).toEqual({ dropped: 1, dry_run: false })
  expect(await dlq('ls')).toEqual([])
  expect(await countInStatus()).toBe(0)
  expect((await dlq<Row[]>('ls', '--handled')).map(({ state, letters: n }) => [state, n])).toEqual(
    expect.arrayContaining([
      ['replayed', 3],
      ['dropped', 1],
    ]),
  )
  expect(await judged(good.map(({ event_id }) => event_id))).toBe(3)
  const audit = await installation.database.query<{ kind: string; actor: string; letters: number }>(
    `SELECT kind, actor, (after->>'letters')::int AS letters FROM edge.audit WHERE kind LIKE 'edge.dlq.%' ORDER BY audit_id`,
  )
  const byCommand = expect.stringMatching(/^cli:/) as string
  expect(audit[1]).toEqual({ kind: 'edge.dlq.replay', actor: byCommand, letters: 3 })
  expect(audit.at(-1)).toEqual({ kind: 'edge.dlq.drop', actor: byCommand, letters: 1 })
})

test('a dead letter is never replayed or dropped by accident', async () => {
  await expect(dlq('replay')).rejects.toThrow('Select dead letters to replay')
  await expect(dlq('drop', '--yes')).rejects.toThrow('Select dead letters to drop')
  await expect(dlq('replay', '--all', '--reason', 'undecodable')).rejects.toThrow('Select dead letters')
  await expect(dlq('replay', '--all', '--rate', '0')).rejects.toThrow('--rate')
  await expect(dlq('ls', '--service', 'nobody')).rejects.toThrow('There are no dead letters of this topic and service')
  await expect(runCommand(cli.status, '--source', 'nobody')).rejects.toThrow('There is no source "nobody"')
  await expect(dlq('show', 'x/1/2')).rejects.toThrow('is not the id of a dead letter')
  await expect(dlq('show', `${letters}/0/999999`)).rejects.toThrow('There is no dead letter')
})

test('a dead letter that its topic does not take is left, the others are replayed', async () => {
  const [value] = await Promise.all([
    codec.encode(topics.observations, installation.topics.prefix + topics.observations.name, observation()),
  ])
  const headers = (id: string) => death(id, 'output-too-large')
  await installation.topics.produce(letters, [
    { key: '1', value: Buffer.alloc(4 * 1024 * 1024), headers: headers('large') },
    { key: '1', value: null, headers: { ...headers('cut'), '__dlq.left.out': '9 bytes, sha256:00' } },
    { key: '1', value, headers: headers('good') },
  ])
  const expected = { replayed: 1, died_too_often: 0, too_large: 2 }
  expect(await dlq('replay', '--reason', 'output-too-large', '--dry-run')).toMatchObject(expected)
  expect(await dlq('replay', '--reason', 'output-too-large')).toMatchObject(expected)
  const open = await dlq<Each[]>('ls', '--each', '--reason', 'output-too-large')
  expect(open.map(({ event_id }) => event_id).sort()).toEqual(['cut', 'large'])
  expect(await dlq('drop', '--reason', 'output-too-large', '--yes')).toMatchObject({ dropped: 2 })
})

test('a reader that goes on from its positions is given only what is new, and a topic made anew from its beginning', async () => {
  const config = readEnv(kafkaSettings)
  const log = createLog('test', 'silent')
  const topic = `${topics.news.name}.notifier.dlq`
  const positions: ReadPositions = new Map()
  async function readNew(): Promise<string[]> {
    const keys: string[] = []
    await readTopics(config, log, [prefixed(config, topic)], ({ key }) => void keys.push(String(key)), positions)
    return keys.toSorted()
  }
  const add = (...keys: string[]) =>
    installation.topics.produce(
      topic,
      keys.map((key) => ({ key, value: 'x' })),
    )
  expect(await readNew()).toEqual([])
  await add('a', 'b', 'c', 'd')
  expect(await readNew()).toEqual(['a', 'b', 'c', 'd'])
  expect(await readNew()).toEqual([])
  await add('e')
  expect(await readNew()).toEqual(['e'])
  for (const [partition] of positions) positions.set(partition, 1000n)
  expect(await readNew()).toEqual(['a', 'b', 'c', 'd', 'e'])
})
