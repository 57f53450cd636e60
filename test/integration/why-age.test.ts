import { expect, test } from 'vitest'
import { type Database, openPool } from '#runtime/postgres/database.ts'
import { readConfig } from '../../services/edge/config.ts'
import { readWhy } from '../../services/edge/trace/read-why.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { addNews, addValues } from '../harness/edge/add-news.ts'
import { createInstallation } from '../harness/installation.ts'

const months = 36

test('to explain a news item, the values of all months are planned once, and those of one month otherwise', async () => {
  const { database, env } = await createInstallation()
  const pool = await openPool(readConfig(env))
  onCleanup(() => pool.end())
  await database.query(`SELECT normalizer.create_month(now() - n * interval '1 month') FROM generate_series(0, $1) n`, [
    months,
  ])
  const newsId = await addNews({ database }, 1)
  await addValues({ database }, 1, [1, 2, 3])
  await database.query(
    `INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
       received_at, history, observed_at, map_version)
     SELECT gen_random_uuid(), '', '', 1, 'npm', '1', now(), false, observed_at, 1 FROM normalizer.value`,
  )
  await database.query(`UPDATE normalizer.value v SET event_no = p.event_no FROM normalizer.processed_event p
    WHERE p.observed_at = v.observed_at`)

  const asked: { sql: string; values: readonly unknown[] }[] = []
  const recording = {
    maybeOne: (query: Parameters<Database['maybeOne']>[0]) => {
      asked.push(query)
      return pool.maybeOne(query)
    },
  } as Database
  expect(await readWhy(recording, newsId)).toMatchObject({ before: { value: '2' } })
  let planned = 0
  for (const { sql, values } of asked) {
    const plan = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql.replaceAll('$slonik_', '$')}`, [
      ...values,
    ])
    planned += plan.filter((line) => / on value_\d{4}_\d\d/.test(line['QUERY PLAN'])).length
  }
  expect(planned).toBeGreaterThan(months / 2)
  expect(planned).toBeLessThan(months + 10)
})
