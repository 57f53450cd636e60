import type { Command } from 'commander'
import type { z } from 'zod'
import { printResult } from '#runtime/commands/commands.ts'
import { count, type Env, kafkaSettings, list, readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { openTopicAdmin, type Partitions, type TopicChange } from '#runtime/kafka/topic-plan.ts'
import { applySubject, planSubject } from '#schemas/registry.ts'
import { allTopics } from '#schemas/topics.ts'

export const settings = {
  ...kafkaSettings,
  TOPIC_REPLICAS: count(1).describe('Replicas of each topic that is made; of more than two, one may be away.'),
  TOPIC_PARTITIONS: list()
    .default([])
    .transform(readPartitions)
    .describe(
      'Partitions in place of those of schemas/topics.ts: a number for all, <topic>=<number> for one; comma separated.',
    ),
}

function readPartitions(parts: readonly string[], context: z.RefinementCtx): Partitions {
  const partitions = new Map<string, number>()
  for (const part of parts) {
    const [, name, digits] = /^(?:(.+)=)?([1-9]\d{0,4})$/.exec(part) ?? []
    const isKnown = digits !== undefined && (name === undefined || allTopics.some((topic) => topic.name === name))
    if (isKnown) partitions.set(name ?? '*', Number(digits))
    else context.addIssue(`${JSON.stringify(part)} is neither a number nor <topic>=<number>`)
  }
  return partitions
}

type Options = { dryRun?: boolean; repartition?: boolean; json?: boolean }
type Line = { what: string; name: string; detail: string; done: boolean }

export function build(group: Command): void {
  group
    .command('apply')
    .description('create missing topics, correct their settings, register the schemas of their values')
    .option('--dry-run', 'show the difference, change nothing')
    .option('--repartition', 'also add partitions: keys move, so do it when nothing is in flight')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const lines = await applyTopics(options)
      const text = lines.map(({ what, name, detail, done }) =>
        `${done ? 'done' : 'open'}  ${what}  ${name}  ${detail}`.trimEnd(),
      )
      printResult(
        lines,
        text.length > 0 ? text.join('\n') : 'topics and schemas are as they should be',
        options.json ?? false,
      )
    })
}

/** Brings topics and subjects to what schemas/topics.ts says, or with `dryRun` only tells the difference. */
export async function applyTopics({ dryRun = false, repartition = false }: Options, env?: Env): Promise<Line[]> {
  const config = readEnv(settings, env)
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
