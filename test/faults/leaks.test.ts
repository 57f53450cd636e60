import { expect, test } from 'vitest'
import { openProducer } from '#runtime/kafka/produce.ts'
import { openPool, sql } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { createContext } from '../harness/context.ts'
import { createDatabase } from '../harness/database.ts'
import { testEnv } from '../harness/stack.ts'

const cycles = 200
/** Compiled code and pools of buffers are there after so many. */
const warm = 40
const mostGrownMb = 30

test('producers and pools that are 200 times opened and closed leave nothing behind', async () => {
  const { url } = await createDatabase()
  const env = { ...testEnv(), DATABASE_URL: url }
  const settings = readEnv({ ...kafkaSettings, ...producerSettings, ...postgresSettings }, env)
  const measures: { resources: number; mb: number }[] = []
  for (let cycle = 0; cycle <= cycles; cycle++) {
    const { context, stop, failures } = createContext('edge')
    await openProducer(settings, context)
    const pool = await openPool(settings)
    await pool.any(sql.unsafe`SELECT 1`)
    await pool.end()
    await stop()
    expect(failures).toEqual([])
    if (cycle !== warm && cycle !== cycles) continue
    const mb = Math.round(process.memoryUsage().rss / 2 ** 20)
    measures.push({ resources: process.getActiveResourcesInfo().length, mb })
  }
  const [first, last] = measures
  console.log(`after ${warm} and ${cycles} cycles: ${JSON.stringify(measures)}`)
  expect(last?.resources).toBeLessThanOrEqual((first?.resources ?? 0) + 2)
  expect(last?.mb).toBeLessThan((first?.mb ?? 0) + mostGrownMb)
})
