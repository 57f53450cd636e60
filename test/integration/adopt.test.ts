import { expect, test, vi } from 'vitest'
import { commands } from '../../services/cli/commands.ts'
import { createInstallation } from '../harness/installation.ts'
import { postJson } from '../harness/module.ts'
import { readPublicFacts } from '../harness/public-facts.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

type Seen = { look: string; found: string; does: string; ok: string }

/** Rows as the predecessor left them: 400 companies at three sources, with values, tasks and rules. */
const predecessor = `
  INSERT INTO data_source (source_name, is_active, frequency, health_status, invocation_endpoint, modified_at)
    SELECT name, name <> 'clearbit', 'WEEKLY', 'UP', 'http://' || name || '.example', now()
    FROM unnest('{github,reddit,clearbit}'::text[]) name;
  INSERT INTO company (name, modified_at) SELECT 'Company ' || n, now() FROM generate_series(1, 400) n;
  INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
    SELECT d.id, type, name, now() FROM data_source d, (VALUES ('int', 'stars'), ('text', 'about')) m (type, name);
  INSERT INTO company_source_measurement (source_measurement_id, company_id)
    SELECT m.id, c.id FROM source_measurement m, company c ORDER BY m.id, c.id;
  INSERT INTO company_source_measurement (source_measurement_id, company_id) SELECT min(id), 1 FROM source_measurement;
  INSERT INTO measurement_int_value (company_measurement_id, value, "timestamp", modified_at)
    SELECT company_measurement_id, n, now() - n * interval '7 days', now()
    FROM company_source_measurement s JOIN source_measurement m ON m.id = s.source_measurement_id, generate_series(1, 10) n
    WHERE m.type = 'int';
  INSERT INTO measurement_text_value (company_measurement_id, value, "timestamp", modified_at)
    SELECT company_measurement_id, 'about', now() - interval '7 days', now()
    FROM company_source_measurement s JOIN source_measurement m ON m.id = s.source_measurement_id WHERE m.type = 'text';
  INSERT INTO scheduled_task (data_source_id, schedule_type, scheduled_at, started_at, status, attempts)
    SELECT id, 'REGULAR', now() - interval '1 day', now() - interval '1 day', 'PROCESSING', 1 FROM data_source;
  INSERT INTO notification_rules (rule_name, source_measurement_id, threshold, modified_at)
    SELECT 'rule', min(id), 10, now() FROM source_measurement;`

test('a database of the predecessor with 400 companies is adopted: its maps, its rows as they were, its schema untouched', async () => {
  const { database, firestore, env, start, parma } = await createInstallation()
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  await database.query(predecessor)
  const measurement = async (name: string) =>
    (
      await database.query<{ id: number }>(
        `SELECT m.id FROM source_measurement m JOIN data_source d ON d.id = source_module_id
       WHERE source_name = 'github' AND measurement_name = $1`,
        [name],
      )
    )[0]?.id
  const Mappings = [
    {
      SourceField: 'stars',
      DataType: 'int',
      MeasurementName: 'stars',
      source_measurement_id: await measurement('stars'),
    },
    {
      SourceField: 'about',
      DataType: 'text',
      MeasurementName: 'about',
      source_measurement_id: await measurement('about'),
    },
  ]
  const maps = firestore.client.collection('parma/mining/datasource/github/normalization_schema')
  await maps.doc('older').set({ schema: { Source: 'github', Mappings: [] } })
  await maps.doc('newer').set({ schema: { Source: 'github', Mappings } })
  const facts = await readPublicFacts(database)
  const tables = [
    'company',
    'data_source',
    'source_measurement',
    'measurement_int_value',
    'notification_rules',
    'company_source_measurement',
  ]
  const rowsOf = async () => Promise.all(tables.map((name) => database.query(`SELECT to_jsonb(t) FROM ${name} t`)))
  const before = await rowsOf()

  const dry = await runCommand<Seen[]>(commands.adopt, '--dry-run')
  expect(dry.map(({ look, found, ok }) => `${ok} ${look}: ${found}`)).toEqual([
    expect.stringMatching(/^yes schema public: the one of parma-web, \d+ facts$/),
    'yes companies: 400 rows',
    expect.stringMatching(/^yes values: [\d,]+ values$/),
    'yes series that are there twice: 1 series',
    'yes tasks that were left running: 3 tasks',
    'yes rules: 1 rule',
    'yes channels with a secret of their own: 0 channels',
    'yes source github: its map in Firestore',
    'yes source reddit: no map',
  ])
  expect(await rowsOf()).toEqual(before)
  await runCommand<Seen[]>(commands.adopt)
  const again = await runCommand<Seen[]>(commands.adopt)
  expect(again.filter(({ look }) => look.startsWith('source '))).toEqual([
    expect.objectContaining({ look: 'source reddit' }),
  ])
  expect(await rowsOf()).toEqual(before)

  // The stack runs beside parma-web.
  const [edge] = await Promise.all(['edge', 'normalizer', 'raw-sink', 'analyzer'].map((name) => start(name)))
  const token = `Bearer ${(await parma('token', 'mint', '--source', 'github')).trim()}`
  const body = { source_name: 'github', company_id: '1', raw_data: { stars: 77, about: 'about' } }
  expect((await postJson(`${edge?.url}/feed-raw-data`, token, body)).status).toBe(201)
  const newest = `SELECT value FROM measurement_int_value WHERE value = 77`
  await waitFor('the value', async () => (await database.query(newest)).length === 1)
  expect(await readPublicFacts(database)).toEqual(facts)
  const after = await rowsOf()
  for (const [index, rows] of before.entries()) {
    const there = new Set(after[index]?.map((row) => JSON.stringify(row)))
    expect(rows.filter((row) => !there.has(JSON.stringify(row)))).toEqual([])
  }
  expect(after.map(({ length }) => length)).toEqual(before.map(({ length }, index) => length + (index === 3 ? 1 : 0)))
  vi.unstubAllEnvs()
})
