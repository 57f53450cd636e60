import type { Command } from 'commander'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { createLog } from '#runtime/process/log.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { openTopicAdmin, type TopicChange } from '#runtime/kafka/topic-plan.ts'
import { applySubject, planSubject } from '#schemas/registry.ts'
import { allTopics } from '#schemas/topics.ts'
import { audited } from './audited.ts'
import { topicSettings } from './config.ts'
import { repartition as addPartitions } from './repartition.ts'

type Options = { dryRun?: boolean; repartition?: boolean; drain?: boolean; json?: boolean }
type Line = { what: string; name: string; detail: string; done: boolean }

export function build(group: Command): void {
  group
    .command('apply')
    .description('create missing topics, correct their settings and register the schemas of their values')
    .option('--dry-run', 'print the differences, change nothing')
    .option('--repartition', 'also add partitions; refused while a service lags, because keys move to other partitions')
    .option('--drain', 'with --repartition: edges let modules wait until no service lags, for up to 95 seconds in all')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      if (options.drain && !options.repartition)
        throw new UsageError('--drain is for --repartition: give both.', { exitCode: 2 })
      const lines = options.dryRun ? await applyTopics(options) : await applyAudited(options)
      const text = lines.map(({ what, name, detail, done }) =>
        `${done ? 'done' : 'open'}  ${what}  ${name}  ${detail}`.trimEnd(),
      )
      printResult(
        lines,
        text.length > 0 ? text.join('\n') : 'Topics and schemas are up to date.',
        options.json ?? false,
      )
    })
}

/** The same with a row of the audit log, where something is changed. */
async function applyAudited(options: Options): Promise<Line[]> {
  let lines: Line[] = []
  await audited('topics.apply', 'topics', async () => {
    lines = await applyTopics(options)
    const done = lines.filter((line) => line.done)
    return done.length > 0 ? done.map(({ what, name, detail }) => ({ what, name, detail })) : null
  })
  return lines
}

/**
 * Brings topics and schemas to what schemas/topics.ts says and returns the differences. With `dryRun` changes nothing.
 */
export async function applyTopics(
  { dryRun = false, repartition = false, drain = false }: Options,
  env?: Env,
): Promise<Line[]> {
  const config = readEnv(topicSettings, env)
  const lines: Line[] = []
  await using admin = await openTopicAdmin(config, createLog('parma', 'silent'), {
    partitions: config.TOPIC_PARTITIONS,
    retentionBytes: config.TOPIC_RETENTION_BYTES,
    replicas: config.TOPIC_REPLICAS,
  })
  const changes = await admin.plan()
  const isWanted = (change: TopicChange) => !dryRun && (change.kind !== 'repartition' || repartition)
  const [added, others] = split(changes.filter(isWanted), ({ kind }) => kind === 'repartition')
  await admin.apply(others)
  if (added.length > 0) await addPartitions(config, { drain }, () => admin.apply(added))
  for (const change of changes)
    lines.push({ what: change.kind, name: change.topic, detail: describe(change), done: isWanted(change) })
  for (const topic of allTopics) {
    const name = prefixed(config, topic.name)
    const plan = await planSubject(config.SCHEMA_REGISTRY_URL, topic, name)
    if (plan === null) continue
    if (!dryRun) await applySubject(config.SCHEMA_REGISTRY_URL, topic, name)
    lines.push({ what: 'schema', name: `${name}-value`, detail: plan, done: !dryRun })
  }
  return lines
}

function split<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))]
}

function describe(change: TopicChange): string {
  if (change.kind === 'create') return `${change.partitions} partitions`
  if (change.kind === 'repartition') return `${change.from} → ${change.to} partitions (only with --repartition)`
  return Object.keys(change.to)
    .map((name) => `${name}: ${change.from[name] || '(unset)'} → ${change.to[name]}`)
    .join(', ')
}
