import { expect, test } from 'vitest'
import { findMigrationFaults } from './check-migrations.ts'

const now = Date.parse('2026-11-29T12:00:00Z')
const check = (name: string, text = '-- Up Migration') =>
  findMigrationFaults([{ service: 's', name, text }], now, /^\d{4}_/.test(name) ? { s: [name.slice(0, -4)] } : {})

test.each([
  '0001_runs.sql',
  '0003_drift_policy.sql',
  '20261129T0310_list-key.sql',
  '20261130T0900_from-a-zone-ahead.sql',
])('takes the name %s', (name) => expect(check(name)).toEqual([]))

test.each([
  ['12_short.sql', 'is not named'],
  ['00011_long.sql', 'is not named'],
  ['20261129_list-key.sql', 'is not named'],
  ['20261129T0310_List.sql', 'is not named'],
  ['20261129T0310.sql', 'is not named'],
  ['list-key.sql', 'is not named'],
  ['20261131T0310_no-such-day.sql', 'names a time that does not exist'],
  ['20261129T2460_no-such-hour.sql', 'names a time that does not exist'],
  ['20271129T0310_next-year.sql', 'names a time in the future'],
])('refuses the name %s', (name, fault) => {
  expect(check(name)).toEqual([expect.stringContaining(`services/s/migrations/${name} ${fault}`)])
})

test('refuses two files of one service with the same time', () => {
  const files = ['a', 'b'].map((what) => ({ service: 's', name: `20261129T0310_${what}.sql`, text: '' }))
  expect(findMigrationFaults(files, now, {})).toEqual([expect.stringContaining('b.sql has the time of another file')])
  const apart = files.map((file, index) => ({ ...file, service: `s${index}` }))
  expect(findMigrationFaults(apart, now, {})).toEqual([])
})

test('refuses a numbered file that is new, renamed or gone', () => {
  const numbered = (name: string) => ({ service: 's', name, text: '' })
  const frozen = { s: ['0001_runs', '0003_more'] }
  const find = (...names: string[]) => findMigrationFaults(names.map(numbered), now, frozen)
  expect(find('0001_runs.sql', '0003_more.sql')).toEqual([])
  expect(find('0001_runs.sql', '0002_gap.sql', '0003_more.sql')).toEqual([
    expect.stringContaining('0002_gap.sql is new and has a number'),
  ])
  expect(find('0001_run.sql', '0003_more.sql')).toEqual([
    expect.stringContaining('0001_run.sql is new'),
    expect.stringContaining('0001_runs.sql is gone'),
  ])
})

const expand = [
  'CREATE TABLE t (id bigint PRIMARY KEY, name text NOT NULL)',
  'CREATE INDEX i ON t (name)',
  'CREATE OR REPLACE VIEW v AS SELECT 1 AS a',
  'DROP VIEW v; CREATE VIEW v AS SELECT 1 AS a',
  'ALTER TABLE t ADD a text',
  'ALTER TABLE t ADD COLUMN a text NOT NULL DEFAULT 0, ADD b numeric(10, 2)',
  'ALTER TABLE t ADD COLUMN a bigint NOT NULL GENERATED ALWAYS AS IDENTITY',
  'ALTER TABLE t ALTER COLUMN a DROP NOT NULL',
  'ALTER TABLE t ALTER a DROP NOT NULL, ADD b text',
  "ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (a IN ('x', 'y'))",
  "INSERT INTO t VALUES ('DROP TABLE t; RENAME TO u')",
  '-- DROP TABLE t\nSELECT 1',
  "DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$",
  'UPDATE t SET a = 1 WHERE a IS NULL',
]
test.each(expand)('takes %s', (text) => expect(check('20261129T0310_x.sql', text)).toEqual([]))

const contract = [
  ['DROP TABLE t', 'DROP TABLE t'],
  ['DROP TABLE IF EXISTS t CASCADE', 'DROP TABLE IF EXISTS t'],
  ['DROP VIEW v; CREATE VIEW w AS SELECT 1', 'DROP VIEW v'],
  ['DROP INDEX i', 'DROP INDEX i'],
  ['alter table t drop column a', 'drop column a'],
  ['ALTER TABLE t DROP a', 'ALTER TABLE t DROP a'],
  ['ALTER TABLE t DROP CONSTRAINT c', 'DROP CONSTRAINT c'],
  ['ALTER TABLE t RENAME TO u', 'RENAME TO u'],
  ['ALTER TABLE t\n  RENAME COLUMN a TO b', 'RENAME COLUMN a'],
  ['ALTER TABLE t RENAME a TO b', 'RENAME a'],
  ['ALTER VIEW v RENAME TO w', 'RENAME TO w'],
  ['ALTER TABLE t ALTER COLUMN a SET NOT NULL', 'SET NOT NULL'],
  ['ALTER TABLE t ALTER a TYPE bigint', 'ALTER a TYPE'],
  ['ALTER TABLE t ALTER a DROP DEFAULT', 'DROP DEFAULT'],
  ['ALTER TABLE t ADD COLUMN a text NOT NULL', 'ADD COLUMN a text NOT NULL'],
  ['ALTER TABLE t ADD b int DEFAULT 1, ADD a numeric(10, 2) NOT NULL', 'ADD a numeric(10, 2) NOT NULL'],
  ['ALTER TABLE t SET SCHEMA other', 'SET SCHEMA'],
  ['TRUNCATE t', 'TRUNCATE'],
] as const
test.each(contract)('refuses %s unless it is marked', (text, named) => {
  expect(check('20261129T0310_x.sql', text)).toEqual([expect.stringContaining(`says "${named}"`)])
  expect(check('20261129T0310_x.sql', `-- contract: unused since 0.4.0\n${text}`)).toEqual([])
  expect(check('20261129T0310_x.sql', `-- contract:\n${text}`)).toHaveLength(1)
  // What was released under a number stays as it is.
  expect(check('0007_x.sql', text)).toEqual([])
})
