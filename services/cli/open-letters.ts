import { z } from 'zod'
import type { ServiceState } from '#runtime/offsets/service-states.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

const handledRow = z.object({ service: z.string(), handled: z.number() })

/** Open dead letters by service: those on their topics without those that somebody has handled. */
export async function countOpenLetters(
  database: Database,
  states: readonly ServiceState[],
): Promise<Map<string, number>> {
  const ranges = states.flatMap(({ service, deadLetters }) =>
    deadLetters.flatMap(({ topic, first }) =>
      [...first].map(([partition, from]) => ({ service, topic: `${topic}.${service}.dlq`, partition, from })),
    ),
  )
  const column = columnsOf(ranges)
  const rows = await database.any(sql.type(handledRow)`
    SELECT r.service, count(*)::int AS handled
    FROM unnest(
      ${column('text', ({ service }) => service)}, ${column('text', ({ topic }) => topic)},
      ${column('int4', ({ partition }) => partition)}, ${column('int8', ({ from }) => from)}
    ) AS r (service, topic, partition, first)
    JOIN edge.handled_letter_view h ON h.dlq_topic = r.topic AND h.partition = r.partition AND h."offset" >= r.first
    GROUP BY r.service`)
  const handledOf = new Map(rows.map(({ service, handled }) => [service, handled]))
  return new Map(
    states.map(({ service, deadLetters }) => {
      const kept = deadLetters.reduce((sum, letters) => sum + letters.kept, 0)
      return [service, Math.max(0, kept - (handledOf.get(service) ?? 0))]
    }),
  )
}
