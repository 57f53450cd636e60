import { beforeAll, expect, test, vi } from 'vitest'
import { commands } from '../../services/cli/commands.ts'
import { commands as normalizerCommands } from '../../services/normalizer/commands.ts'
import { commands as rawSinkCommands } from '../../services/raw-sink/commands.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { type Fed, normalizerBench, type Source } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

const name = 'Jane Döe'
let installation: Installation
let bench: ReturnType<typeof normalizerBench>
let source: Source

beforeAll(async () => {
  installation = await createInstallation()
  bench = normalizerBench(installation)
  for (const [variable, value] of Object.entries(installation.env)) vi.stubEnv(variable, value)
  await Promise.all([installation.start('normalizer'), installation.start('raw-sink')])
  source = await bench.addSource([
    { SourceField: 'comment', DataType: 'comment' },
    { SourceField: 'stars', DataType: 'int' },
  ])
  return () => vi.unstubAllEnvs()
})

type Report = { found: { where: string; rows: number; what: string }[] }
const forget = (...args: string[]) => runCommand<Report>(commands.forget, ...args)
const documentOf = ({ source_name, event_id }: Fed) =>
  installation.firestore.client.doc(`parma/mining/datasource/${source_name}/raw_data/${event_id}`)

async function feed(company: number, comment: string): Promise<Fed> {
  const payload = bench.payload(source, company, { comment, stars: 3 })
  await bench.feed([payload])
  await bench.settled([payload])
  await waitFor('the document', async () => (await documentOf(payload).get()).exists)
  return payload
}

async function commentsOf({ event_id }: Fed): Promise<(string | null)[]> {
  const rows = await installation.database.query<{ text: string | null }>(
    `SELECT text FROM normalizer.value v JOIN normalizer.processed_event e USING (event_no)
     WHERE e.event_id = $1 AND path = 'comment'`,
    [event_id],
  )
  return rows.map(({ text }) => text)
}

/** Tables of Postgres, and documents of Firestore, in which a text is. */
async function placesOf(text: string): Promise<string[]> {
  const { database, firestore } = installation
  const tables = await database.query<{ table: string }>(`
    SELECT format('%I.%I', schemaname, tablename) AS table FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
  const found: string[] = []
  for (const { table } of tables) {
    const [row] = await database.query(`SELECT 1 FROM ${table} t WHERE position($1 IN t::text) > 0 LIMIT 1`, [text])
    if (row) found.push(table)
  }
  for (const { ref } of (await firestore.client.collectionGroup('raw_data').get()).docs) {
    const body = (await ref.collection('parts').get()).docs.map((part) => String(part.get('bytes') as Buffer)).join('')
    const { data } = (await ref.get()).data() as { data: object }
    if (`${body}${JSON.stringify(data)}`.includes(text)) found.push(ref.path)
  }
  return found
}

/** The document as it was before: as a Firestore has it that was restored. */
async function putBack(payload: Fed): Promise<void> {
  const ref = documentOf(payload)
  await ref.update({ redacted: false, data: { comment: `by ${name}` }, body_bytes: payload.body.length })
  await ref.collection('parts').doc('1').update({ bytes: payload.body })
}

test('a text is taken out everywhere, stays out of what comes, and comes back by no restore, replay or redrive', async () => {
  const company = await bench.addCompany()
  const payload = await feed(company, `by ${name}, "quoted"`)
  const other = await feed(company, 'by John')
  await installation.database.query(
    `INSERT INTO cli.audit (actor, kind, subject, after) VALUES ('cli:ann', 'x', 'y', jsonb_build_object('note', $1::text))`,
    [`about ${name}`],
  )
  const before = await placesOf(name)
  expect(before.toSorted()).toEqual(
    expect.arrayContaining(['cli.audit', 'public.measurement_comment_value', documentOf(payload).path]),
  )

  const dry = await forget('--text', name, '--dry-run')
  expect(dry.found).toEqual(
    expect.arrayContaining([
      { where: 'normalizer.value', rows: 1, what: 'text taken out' },
      { where: 'Firestore: raw documents', rows: 1, what: 'text taken out' },
    ]),
  )
  expect(await placesOf(name)).toEqual(before)
  await expect(forget('--text', name, '--yes', '--reason', `${name} asked`)).rejects.toThrow('has the text')
  await expect(forget('--text', 'abc', '--dry-run')).rejects.toThrow('fewer than 4 characters')

  expect(await forget('--text', name, '--yes', '--reason', 'a person asked')).toMatchObject({ found: dry.found })
  expect(await placesOf(name)).toEqual([])
  const [erased = ''] = await commentsOf(payload)
  expect(erased).toMatch(/^by \[erased [0-9a-f]{8}\], "quoted"$/)
  expect(await commentsOf(other)).toEqual(['by John'])
  // The log says that it was done, and the row of before lacks the text.
  const audit = await installation.database.query<{ subject: string; after: object }>(
    `SELECT subject, after FROM cli.audit WHERE kind NOT IN ('cli.migrate', 'cli.roles.apply') ORDER BY audit_id`,
  )
  expect(audit).toEqual([
    expect.objectContaining({ after: { note: expect.stringMatching(/^about \[erased/) as string } }),
    expect.objectContaining({
      subject: expect.stringMatching(/^text:[0-9a-f]{16}$/) as string,
      after: expect.objectContaining({ reason: 'a person asked' }) as object,
    }),
  ])

  // What comes now, as modules write it.
  const live = bench.payload(source, company, `{"comment": "by Jane D\\u00f6e", "stars": 4}`)
  await bench.feed([live])
  await bench.settled([live])
  await waitFor('the document', async () => (await documentOf(live).get()).exists)
  expect(await commentsOf(live)).toEqual([expect.stringMatching(/^by \[erased/)])
  // The same record again is the same event: no dead letter.
  await bench.feed([live, payload])
  const after = await feed(company, 'after them')
  expect(await commentsOf(after)).toEqual(['after them'])
  expect(await installation.topics.read('mining.raw-payloads.v1.raw-sink.dlq')).toEqual([])

  // Postgres restored, and Firestore.
  await installation.database.query(`UPDATE normalizer.value SET text = $1 WHERE text LIKE 'by [erased%'`, [
    `by ${name}`,
  ])
  await putBack(payload)
  expect((await placesOf(name)).length).toBeGreaterThan(1)
  await forget('--again')
  expect(await placesOf(name)).toEqual([])

  // Replayed from a Firestore of before.
  await putBack(payload)
  const eventNo = `(SELECT event_no FROM normalizer.processed_event WHERE event_id = $1 AND replay_id = '')`
  await installation.database.query(`DELETE FROM normalizer.value WHERE event_no = ${eventNo}`, [payload.event_id])
  await runCommand(normalizerCommands.replay, '--source', source.name, '--mode', 'fill', '--wait')
  expect(await commentsOf(payload)).toEqual([erased])

  // Lost, and read again from raw documents.
  await installation.database.query(`DELETE FROM normalizer.value WHERE event_no = ${eventNo}`, [payload.event_id])
  await installation.database.query('DELETE FROM normalizer.processed_event WHERE event_id = $1', [payload.event_id])
  expect(await runCommand(rawSinkCommands.redrive, '--missing')).toMatchObject({ redriven: 1 })
  await waitFor('the value', async () => (await commentsOf(payload)).length === 1)
  expect(await commentsOf(payload)).toEqual([erased])
  await forget('--again')
  expect(await placesOf(name)).toEqual([])
})

test('a company is erased with all that is about it, and its records are dropped from then on', async () => {
  const { database } = installation
  const [company, kept] = [await bench.addCompany(), await bench.addCompany()]
  await database.query(`UPDATE company SET name = 'Vanishing Works' WHERE id = $1`, [company])
  const payload = await feed(company, 'one')
  const other = await feed(kept, 'Vanishing Works is a competitor')
  await database.query(
    `INSERT INTO edge.audit (actor, kind, subject, after) VALUES ('cli:ann', 'edge.company.edit', $1, '{"name": "Vanishing Works"}')`,
    [`company:${company}`],
  )
  await database.query(`INSERT INTO notifier.digest (user_id, bucket_id, period, digest_id, rhythm, state, since, result)
    VALUES (1, 0, '2026-W01', gen_random_uuid(), 'weekly', 'made', now(), '{"text": "Vanishing Works has grown"}')`)
  await database.query(
    `INSERT INTO normalizer.refused (event_no, leaves, data_source_id, company_id, path, reason, sample) VALUES (1, 1, 1, $1, 'x', 'y', 'z')`,
    [String(company)],
  )
  const { found } = await forget('--company', 'Vanishing Works', '--yes', '--reason', 'contract ended')
  expect(found).toEqual(
    expect.arrayContaining([
      { where: 'normalizer.value', rows: 2, what: 'deleted' },
      { where: 'normalizer.refused', rows: 1, what: 'deleted' },
      { where: 'normalizer.processed_event', rows: 1, what: 'deleted' },
      { where: 'public.company', rows: 1, what: 'deleted' },
      { where: 'edge.audit', rows: 1, what: 'emptied' },
      { where: 'notifier.digest', rows: 1, what: 'text taken out' },
      { where: 'Firestore: raw documents', rows: 1, what: 'deleted' },
    ]),
  )
  expect(await commentsOf(other)).toEqual(['Vanishing Works is a competitor'])
  expect((await documentOf(payload).get()).exists).toBe(false)

  // Its records come again, and new ones; those of another company behind them in the partition tell when they were read.
  const more = bench.payload(source, company, { comment: 'two', stars: 1 })
  const [{ partition } = { partition: 0 }] = (await installation.topics.read('mining.raw-payloads.v1')).filter(
    ({ key }) => key === String(company),
  )
  const last = bench.payload(source, kept, { comment: 'three', stars: 1 })
  await bench.feed([payload, more], partition)
  await bench.feed([last], partition)
  await bench.settled([last])
  await waitFor('the document', async () => (await documentOf(last).get()).exists)
  expect(await bench.settled([last])).toEqual([null])
  const rows = await database.query('SELECT FROM normalizer.processed_event WHERE company_id = $1', [String(company)])
  expect(rows).toEqual([])
  expect((await documentOf(more).get()).exists).toBe(false)
})
