import type { Measure } from './measure.ts'

/** Servers on empty data, schema, migrations, topics and all services; what is downloaded once was there. */
export const start: Measure = async ({ startSeconds }) => [
  { what: 'start of the stack', value: startSeconds, unit: 's', detail: 'no data, warm caches', below: 40 },
]
