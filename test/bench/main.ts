// `make bench`: starts a stack of its own, measures it, prints each figure with its target and the conditions.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { programs } from '../../deploy/local/config.ts'
import { serviceEnv } from '../../deploy/local/servers.ts'
import { startStack } from '../../deploy/local/stack.ts'
import { alert } from './alert.ts'
import { codec } from './codec.ts'
import { readConditions } from './conditions.ts'
import type { Measure, Result } from './measure.ts'
import { memory } from './memory.ts'
import { printReport } from './report.ts'
import { start } from './start.ts'
import { throughput } from './throughput.ts'

/** In this order: memory is that of a stack which has not done anything yet. */
const measures: Record<string, Measure> = { start, memory, alert, codec, throughput }
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, only: { type: 'string' } } })
const names = values.only?.split(',') ?? Object.keys(measures)
const unknown = names.filter((name) => !(name in measures))
if (unknown.length > 0) {
  console.error(`There is no measure ${unknown.join(', ')}: there are ${Object.keys(measures).join(', ')}.`)
  process.exit(2)
}

const say = (text: string) => console.error(`  ${text}`)
const conditions = readConditions()
const dir = mkdtempSync(join(tmpdir(), 'parma-bench-'))
const startedAt = performance.now()
const setup = ['public-schema', 'migrate', 'topics'] as const
// The stack ends with this process, however that ends.
const stack = await startStack({
  ...{ dir, ports: 'free', services: programs, setup, withParent: true, temporary: true, say },
}).catch((error: unknown) => {
  rmSync(dir, { recursive: true, force: true })
  throw error
})
const startSeconds = (performance.now() - startedAt) / 1000
const results: Result[] = []
try {
  const bench = { env: stack.env, serviceEnv: () => serviceEnv(stack.env()), startSeconds, say }
  for (const [name, measure] of Object.entries(measures))
    if (names.includes(name)) results.push(...(await measure(bench)))
} finally {
  await stack.remove()
}
if (values.json) console.log(JSON.stringify({ conditions, results }, null, 2))
else printReport(conditions, results)
