import { z } from 'zod'
import { innermostList } from '#runtime/text/value-path.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'

/** What is stored of a company and source: its subjects, and the item keys of each list, by path and subject. */
export type StoredBefore = { subjects: string[]; itemsOf(subjectKey: string, list: string): ReadonlySet<string> }

const storedRow = z.object({
  subject_key: z.string(),
  path: z.string(),
  item_key: z.string().nullable(),
})

/** How many values back a series is read: those of the last payloads. */
const valuesBack = 500

/** Reads the newest values of a company that has been here since before list keys and subjects were kept. */
export async function readStoredBefore(
  tx: Transaction,
  { company_id, data_source_id }: { company_id: string; data_source_id: number },
): Promise<StoredBefore> {
  const rows = await tx.any(sql.type(storedRow)`
    SELECT v.subject_key, v.path, v.item_key
    FROM public.source_measurement AS m
    JOIN public.company_source_measurement AS s ON s.source_measurement_id = m.id
    CROSS JOIN LATERAL (
      SELECT subject_key, path, item_key, observed_at FROM normalizer.value
      WHERE company_measurement_id = s.company_measurement_id
      ORDER BY observed_at DESC LIMIT ${valuesBack}
    ) AS v
    WHERE m.source_module_id = ${data_source_id} AND s.company_id = ${Number(company_id)}
    GROUP BY v.subject_key, v.path, v.item_key
    ORDER BY max(v.observed_at) DESC`)
  return {
    subjects: [...new Set(rows.map(({ subject_key }) => subject_key))],
    itemsOf: (subjectKey, list) =>
      new Set(
        rows
          .filter(({ subject_key, path }) => subject_key === subjectKey && innermostList(path) === list)
          .flatMap(({ item_key }) => item_key ?? []),
      ),
  }
}
