import type { Measure } from './measure.ts'

/**
 * The start of servers on empty data, with schema, migrations, topics and all services, without the first downloads.
 */
export const start: Measure = async ({ startSeconds }) => [
  { what: 'start of the stack', value: startSeconds, unit: 's', detail: 'no data, warm caches', below: 40 },
]
