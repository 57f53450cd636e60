import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { storedTables } from '../../schemas/stored-tables.ts'
import { type Both, compare, inTurn } from './age-compare.ts'
import type { Aged } from './aged.ts'
import type { Result } from './measure.ts'
import { runService } from './run-service.ts'
import { formatNumber } from './statistics.ts'

const services = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler']
const rounds = 3
/** Four weeks and a part of one are older in an installation of three years, nothing in a young one, which has no 60 days. */
const keptDays = ({ weeks }: Aged) => Math.max((weeks - 5) * 7, 60)

/** Until all services are ready that start together, as after an outage. */
export async function measureRestart(both: Both<Aged>): Promise<Result[]> {
  const seconds = await inTurn(both, rounds, async ({ env }) => {
    await using scope = new AsyncDisposableStack()
    const EDGE_PORT = String(await findFreePort())
    const startedAt = performance.now()
    for (const service of await Promise.all(services.map((name) => runService(name, { ...env, EDGE_PORT }))))
      scope.use(service)
    return (performance.now() - startedAt) / 1000
  })
  return [compare('all services ready after a start', seconds, { unit: 's' })]
}

/** What operators wait for after a restore; and reading all rows, as a dump does. */
export async function measureBackup(both: Both<Aged>): Promise<Result[]> {
  const verified = await inTurn(both, rounds, ({ env }) => time(() => runParma(env, 'backup', 'verify', '--json')))
  const copied = await inTurn(both, 1, ({ pool }) => time(() => readAllRows(pool)))
  const counts = await inTurn(both, 1, ({ pool }) => countRows(pool))
  const [young, old] = [counts.young[0]!, counts.old[0]!]
  return [
    compare('parma backup verify', verified, { unit: 's' }),
    compare('all rows read, as by a dump', copied, {
      unit: 's',
      instead: `reads ${formatNumber(old)} rows, ${formatNumber(old / young)} × those of the young`,
    }),
  ]
}

/** A run of the retention when a week has come of age in the old one, and nothing in the young one. */
export async function measurePruning(both: Both<Aged>): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parma-bench-'))
  try {
    const seconds = await inTurn(both, 1, (aged) => {
      const days = String(keptDays(aged))
      const classes = ['VALUES', 'PUBLIC_VALUES', 'NEWS', 'DELIVERIES', 'PUBLIC_MESSAGES', 'VANISHED_STATES']
      const settings = Object.fromEntries(classes.map((name) => [`RETENTION_${name}_DAYS`, days]))
      return time(() =>
        runParma({ ...aged.env, ...settings }, 'retention', 'run', '--export', folder, '--yes', '--json'),
      )
    })
    const instead = 'four weeks go from the old one, nothing from the young one'
    return [compare('parma retention run', seconds, { unit: 's', instead })]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

async function readAllRows(pool: pg.Pool): Promise<void> {
  for (const { name } of storedTables) await pool.query(`COPY (SELECT * FROM ${name}) TO '/dev/null'`)
}

async function countRows(pool: pg.Pool): Promise<number> {
  let rows = 0
  for (const { name } of storedTables) {
    const counted = await pool.query<{ count: number }>(`SELECT count(*)::int FROM ${name}`)
    rows += counted.rows[0]!.count
  }
  return rows
}
