import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import type { RouteDoc } from '../server/route.ts'
import { seeds } from './seeds.ts'

/**
 * Adds the seed rule of every measurement that has a seed and no rule. Each measurement is seeded once: what people
 * change or remove afterwards stays so, also with concurrent calls. Returns how many rules were added.
 */
export async function seedRules(database: Pick<Database, 'query'>): Promise<number> {
  const rows = seeds.map(([source, measurement, threshold, method = null, entries = null]) => ({
    ...{ source, measurement, threshold, method, entries },
  }))
  const { rowCount } = await database.query(sql.unsafe`
    WITH seed AS (
      SELECT m.id, m.measurement_name, s.threshold, s.method, s.entries
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS s(source text, measurement text, threshold float8, method text, entries int)
      JOIN public.data_source d ON lower(d.source_name) = s.source
      JOIN public.source_measurement m ON m.source_module_id = d.id AND lower(m.measurement_name) = s.measurement
      WHERE lower(m.type) IN ('int', 'float')
    ), looked_at AS (
      INSERT INTO edge.seeded_rule (source_measurement_id) SELECT id FROM seed ORDER BY id
      ON CONFLICT DO NOTHING RETURNING source_measurement_id AS id
    )
    INSERT INTO public.notification_rules
      (rule_name, source_measurement_id, threshold, aggregation_method, num_aggregation_entries, created_at,
        modified_at)
    SELECT measurement_name, id, threshold, method, entries, ${utcNow}, ${utcNow} FROM looked_at JOIN seed USING (id)
    WHERE NOT EXISTS (SELECT FROM public.notification_rules r WHERE r.source_measurement_id = id)
    ORDER BY id`)
  return rowCount
}

const seeded = 'Rules table updated'

export const notificationRulesDoc: RouteDoc = {
  summary: 'Add the seed rules of the measurements of well-known sources. Repeated calls change nothing.',
  responses: {
    200: { description: `The rules exist: \`${seeded}\`, without a content type.` },
    503: { description: 'The database is not available. Try again.' },
  },
}

/** GET /notification-rules (contract section 3.11). */
export function notificationRules({ database, bounded }: { database: Database; bounded: Bounded }) {
  return async (): Promise<RouteResponse> => {
    await bounded(seedRules(database))
    return { status: 200, headers: {}, body: seeded }
  }
}
