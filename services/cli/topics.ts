import type { Command } from 'commander'
import { printResult } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { createLog } from '#runtime/process/log.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { openTopicAdmin, type TopicChange } from '#runtime/kafka/topic-plan.ts'
import { applySubject, planSubject } from '#schemas/registry.ts'
import { allTopics } from '#schemas/topics.ts'
import { topicSettings } from './config.ts'

type Options = { dryRun?: boolean; repartition?: boolean; json?: boolean }
type Line = { what: string; name: string; detail: string; done: boolean }

export function build(group: Command): void {
  group
    .command('apply')
    .description('create missing topics, correct their settings and register the schemas of their values')
    .option('--dry-run', 'print the differences, change nothing')
    .option('--repartition', 'also add partitions; keys move to other partitions, so do it when nothing is in flight')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const lines = await applyTopics(options)
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

/**
 * Brings topics and schemas to what schemas/topics.ts says and returns the differences. With `dryRun` changes nothing.
 */
export async function applyTopics({ dryRun = false, repartition = false }: Options, env?: Env): Promise<Line[]> {
  const config = readEnv(topicSettings, env)
  const lines: Line[] = []
  await using admin = await openTopicAdmin(config, createLog('parma', 'silent'), {
    partitions: config.TOPIC_PARTITIONS,
    replicas: config.TOPIC_REPLICAS,
  })
  const changes = await admin.plan()
  const isWanted = (change: TopicChange) => !dryRun && (change.kind !== 'repartition' || repartition)
  await admin.apply(changes.filter(isWanted))
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

function describe(change: TopicChange): string {
  if (change.kind === 'create') return `${change.partitions} partitions`
  if (change.kind === 'repartition') return `${change.from} → ${change.to} partitions (only with --repartition)`
  return Object.keys(change.to)
    .map((name) => `${name}: ${change.from[name] || '(unset)'} → ${change.to[name]}`)
    .join(', ')
}
