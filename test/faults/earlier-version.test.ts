import { expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { applyTopics, checkOutEarlierVersion } from '../harness/earlier-version.ts'
import { countValues, generateHistory, type History } from '../harness/github.ts'
import { quickRecovery } from '../harness/messages.ts'
import { startSystem } from '../harness/system.ts'

/** The values that the services in `from` make of the payloads on a database of today. */
async function run(from: string, { map, payloads }: History, companies: number) {
  const system = await startSystem({
    map,
    companies,
    env: quickRecovery,
    from,
    prepare: (one) => applyTopics(one, from),
  })
  for (const { company, rawData, observedAt } of payloads)
    expect(await system.feed(company, rawData, { observed_at: observedAt })).toMatchObject({ status: 201 })
  const counts = await system.settled(payloads.length, 4 * 60_000)
  const values = await system.database.query(`
    SELECT c.name, m.measurement_name, v.observed_at, v.subject_key, v.path, v.item_key, v.item_label, v.seq, v.type,
      v.number, v.text, v.date, v.members
    FROM normalizer.value v JOIN company c ON c.id = v.company_id
    JOIN source_measurement m ON m.id = v.source_measurement_id
    ORDER BY c.name, v.observed_at, v.seq, v.path`)
  const crashes = Object.values(system.services).map((service) => service.crashes())
  return { counts, values, crashes }
}

test('the services of an earlier version make the same of payloads on the schema of today', async () => {
  const companies = 4
  const generated = generateHistory(companies, 10)
  const first = Date.now() - generated.payloads.length * 60_000
  const at = (index: number) => new Date(first + index * 60_000).toISOString()
  const history = {
    ...generated,
    payloads: generated.payloads.map((payload, index) => ({ ...payload, observedAt: at(index) })),
  }
  const earlier = await run(await checkOutEarlierVersion(), history, companies)
  const today = await run(root, history, companies)

  expect(earlier.crashes).toEqual([0, 0, 0, 0, 0, 0])
  expect(earlier.values).toEqual(today.values)
  const { documents, normalized, refused, values, publicValues, deadLetters } = earlier.counts
  expect(today.counts).toMatchObject({ documents, normalized, refused, values, publicValues, deadLetters })
  expect(today.counts.values).toEqual(countValues(history))
  // What is worth telling is judged better by and by, but both tell.
  expect(earlier.counts.news).toBeGreaterThan(0)
  expect(earlier.counts.mails).toBeGreaterThan(0)
})
