import pg from 'pg'
import { expect, test } from 'vitest'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation } from '../harness/installation.ts'
import { normalizerBench } from '../harness/normalizer/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

/** Postgres ends a transaction whose process says nothing for 10 s, as Kafka does with its membership. */
const heldUpMs = 15_000
/** Of the other process: joining the group, and reading its partitions. */
const rebalancingMs = 7000

test('a process that freezes in a transaction holds up its companies for 15 s, and goes on when it thaws', async () => {
  const installation = await createInstallation()
  const bench = normalizerBench(installation)
  const source = await bench.addSource([{ SourceField: 'size', DataType: 'int' }])
  const company = await bench.addCompany()
  const next = (size: number) => bench.payload(source, company, { size })
  const first = await installation.start('normalizer')
  const ready = await fetch(`${first.healthUrl}/readyz`)
  expect(await ready.json()).toMatchObject({ 'kafka_table_normalization-map': 'ok' })
  const before = next(1)
  await bench.feed([before])
  await bench.observed([before])

  const holder = new pg.Client({ connectionString: installation.database.url })
  await holder.connect()
  onCleanup(() => holder.end())
  await holder.query('BEGIN')
  await holder.query('SELECT FROM normalizer.last_observed FOR UPDATE')
  const held = next(2)
  await bench.feed([held])
  await waitFor('its transaction to wait for a row', async () => {
    const waiting = await installation.database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return waiting.length > 0
  })
  process.kill(first.pid, 'SIGSTOP')
  // Now the frozen process has the row.
  await holder.query('ROLLBACK')
  const frozenAt = performance.now()
  await installation.start('normalizer')
  await bench.observed([held])
  expect(performance.now() - frozenAt).toBeLessThan(heldUpMs + rebalancingMs)

  process.kill(first.pid, 'SIGCONT')
  const last = next(3)
  await bench.feed([last])
  await bench.observed([last])
  const facts = await installation.database.query('SELECT number FROM normalizer.value ORDER BY event_no')
  expect(facts.map(({ number }) => Number(number))).toEqual([1, 2, 3])
  expect(await first.stop()).toBe(0)
})
