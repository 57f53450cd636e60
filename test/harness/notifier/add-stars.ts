import type { News } from '../../../schemas/generated/types.ts'
import { dayMs } from '../../../services/runtime/text/time.ts'
import type { TestDatabase } from '../database.ts'
import { groupOf, insertId } from './setup.ts'

/** A series of the company with a value a day, and the news item about the last one, with the times of the values. */
export async function addStars(database: TestDatabase, source: number, company: number, numbers: readonly number[]) {
  const measurement = await insertId(
    database,
    `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, 'int', 'Stars', now())`,
    [source],
  )
  const [row] = await database.query<{ id: number }>(
    'INSERT INTO company_source_measurement (source_measurement_id, company_id) VALUES ($1, $2) RETURNING company_measurement_id AS id',
    [measurement, company],
  )
  const at = numbers.map((_, index) => Date.now() - (numbers.length - index) * dayMs)
  for (const [index, number] of numbers.entries()) {
    const time = new Date(at[index] ?? 0)
    await database.query('SELECT normalizer.create_month($1)', [time])
    await database.query(
      `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
         company_id, data_source_id, type, path, subject_key)
       VALUES ($1, $2, $3, 1, $4, $5, $6, $7, 'int', 'stars', '')`,
      [index, time, number, row?.id, measurement, company, source],
    )
  }
  const changes = { source_measurement_id: measurement, observed_at: at.at(-1) ?? 0 }
  const [news] = groupOf(company, source, 1, changes) as [News]
  return { news, at }
}
