import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const countRow = z.object({
  user_id: z.number(),
  source_measurement_id: z.number(),
  company_id: z.number(),
  useful: z.number(),
  not_useful: z.number(),
})
type Counts = { useful: number; not_useful: number }

/** How much a person's feedback raises (above 1) or lowers a news item among others: from 0.5 to 1.5. */
export type FeedbackWeight = (
  person: number,
  news: { company_id: number; source_measurement_id: number | null },
) => number

/** What these people said of news items in the last year, as a weight for others of the same measurement. */
export async function readFeedbackWeights(
  connection: Pick<Database, 'any'>,
  people: readonly number[],
): Promise<FeedbackWeight> {
  const rows = await connection.any(sql.type(countRow)`
    SELECT user_id, source_measurement_id, company_id, count(*) FILTER (WHERE opinion = 'useful')::int AS useful,
      count(*) FILTER (WHERE opinion = 'not_useful')::int AS not_useful
    FROM notifier.feedback
    WHERE user_id = ANY(${sql.array([...new Set(people)], 'int4')}) AND opinion IS NOT NULL
      AND source_measurement_id IS NOT NULL AND changed_at > now() - interval '1 year'
    GROUP BY user_id, source_measurement_id, company_id`)
  const ofMeasurement = Map.groupBy(rows, (row) => `${row.user_id}/${row.source_measurement_id}`)
  return (person, { company_id, source_measurement_id }) =>
    weightOfFeedback(ofMeasurement.get(`${person}/${source_measurement_id}`) ?? [], company_id)
}

/** Of the answers about one measurement. Those about the same company count three times. */
export function weightOfFeedback(answers: readonly (Counts & { company_id: number })[], company: number): number {
  const weighed = answers.map((one) => ({ ...one, times: one.company_id === company ? 3 : 1 }))
  const sum = (pick: (one: Counts) => number) => weighed.reduce((total, one) => total + one.times * pick(one), 0)
  const [useful, not] = [sum((one) => one.useful), sum((one) => one.not_useful)]
  // A few answers say little: three of one kind move it by a quarter.
  return 1 + (useful - not) / (2 * (useful + not + 3))
}
