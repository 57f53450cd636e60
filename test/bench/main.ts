// `make bench`: starts its own stacks, measures them, and prints each figure with its target and the conditions.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { programs, type ProgramName } from '../../deploy/local/config.ts'
import { serviceEnv } from '../../deploy/local/servers.ts'
import { startStack } from '../../deploy/local/stack.ts'
import { age } from './age.ts'
import { alert } from './alert.ts'
import { analyzer } from './analyzer.ts'
import { backtest } from './backtest.ts'
import { chart } from './chart.ts'
import { codec } from './codec.ts'
import { readConditions } from './conditions.ts'
import { deadLetters } from './dead-letters.ts'
import { desk } from './desk.ts'
import { digests } from './digests.ts'
import { edge } from './edge.ts'
import type { Measure, Result } from './measure.ts'
import { idle } from './idle.ts'
import { memory } from './memory.ts'
import { news } from './news.ts'
import { newsLatency } from './news-latency.ts'
import { normalizer } from './normalizer.ts'
import { notifier } from './notifier.ts'
import { pages } from './pages.ts'
import { rawSink } from './raw-sink.ts'
import { readApi } from './read-api.ts'
import { replay } from './replay.ts'
import { printReport } from './report.ts'
import { rolling } from './rolling.ts'
import { scheduler } from './scheduler.ts'
import { start } from './start.ts'
import { throughput } from './throughput.ts'

/** Measures by the services that run, in this order: memory needs a stack that has not worked yet. */
const stacks: { services: readonly ProgramName[]; measures: Record<string, Measure> }[] = [
  {
    services: programs,
    measures: { start, memory, idle, alert, 'news-latency': newsLatency, codec, news, throughput },
  },
  { services: ['edge'], measures: { edge } },
  { services: ['edge'], measures: { 'read-api': readApi, pages } },
  { services: ['edge'], measures: { 'dead-letters': deadLetters } },
  { services: ['edge'], measures: { desk } },
  { services: ['analyzer'], measures: { analyzer } },
  { services: ['edge', 'scheduler'], measures: { scheduler } },
  { services: [], measures: { age } },
  { services: [], measures: { normalizer, rolling, replay, 'raw-sink': rawSink, notifier, digests, backtest, chart } },
]
const known = stacks.flatMap(({ measures }) => Object.keys(measures))
const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, only: { type: 'string' }, payloads: { type: 'string' } },
})
const names = values.only?.split(',') ?? known
const unknown = names.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`There is no measure ${unknown.join(', ')}. Known measures: ${known.join(', ')}.`)
  process.exit(2)
}
const payloads = values.payloads === undefined ? null : Number(values.payloads)
if (payloads !== null && !(Number.isInteger(payloads) && payloads > 0)) {
  console.error('--payloads: give a number, as 100000.')
  process.exit(2)
}

const say = (text: string) => console.error(`  ${text}`)
const conditions = readConditions()
const results: Result[] = []
for (const { services, measures } of stacks) {
  const asked = Object.entries(measures).filter(([name]) => names.includes(name))
  if (asked.length > 0)
    results.push(
      ...(await runOn(
        services,
        asked.map(([, measure]) => measure),
      )),
    )
}
if (values.json) console.log(JSON.stringify({ conditions, results }, null, 2))
else printReport(conditions, results)

/** Runs these on a new stack, which ends with this process by whatever cause. */
async function runOn(services: readonly ProgramName[], measures: readonly Measure[]): Promise<Result[]> {
  const dir = mkdtempSync(join(tmpdir(), 'parma-bench-'))
  const startedAt = performance.now()
  const setup = ['public-schema', 'migrate', 'topics'] as const
  const options = { dir, ports: 'free', services, setup, withParent: true, temporary: true, say } as const
  const stack = await startStack(options).catch((error: unknown) => {
    rmSync(dir, { recursive: true, force: true })
    throw error
  })
  const startSeconds = (performance.now() - startedAt) / 1000
  const bench = { env: stack.env, serviceEnv: () => serviceEnv(stack.env()), startSeconds, payloads, say }
  try {
    const results: Result[] = []
    for (const measure of measures) results.push(...(await measure(bench)))
    return results
  } finally {
    await stack.remove()
  }
}
