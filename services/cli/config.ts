import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { namesSystem } from '#runtime/commands/config.ts'
import { count, list } from '#runtime/process/config.ts'
import { kafkaSettings } from '#runtime/process/settings.ts'
import type { ByTopic } from '#runtime/kafka/topic-plan.ts'
import { allTopics } from '#schemas/topics.ts'
import { retentionSettings } from './retention/settings.ts'

/** The settings of commands that no service reads. */
export const settings = {
  ...retentionSettings,
  EDGE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the edge whose read API `npx parma mcp` asks.'),
  PARMA_API_KEY: z
    .string()
    .optional()
    .describe('API key with which `npx parma mcp` asks it: one of the role viewer is enough.')
    .meta({ confidential: true }),
  TOPIC_REPLICAS: count(1)
    .describe('Replicas of each topic that `npx parma topics apply` creates. With three or more, one may be down.')
    .meta({ basic: true }),
  TOPIC_PARTITIONS: list()
    .default([])
    .transform(readByTopic(/^[1-9]\d{0,4}$/))
    .describe(
      'Partitions, instead of those in schemas/topics.ts: a number for all topics, <topic>=<number> for one; comma separated.',
    ),
  TOPIC_RETENTION_BYTES: list()
    .default([])
    .transform(readByTopic(/^\d{1,15}$/))
    .describe(
      'Bytes that one partition keeps, instead of those in schemas/topics.ts: a number for all topics, <topic>=<number> for one and its dead letters; comma separated. 0 means no limit. The oldest records are deleted above it, also those that a service has not read.',
    ),
}

/** What `parma topics apply` reads. */
const { TOPIC_REPLICAS, TOPIC_PARTITIONS, TOPIC_RETENTION_BYTES } = settings
export const topicSettings = { ...kafkaSettings, TOPIC_REPLICAS, TOPIC_PARTITIONS, TOPIC_RETENTION_BYTES }

/** What `parma mcp` reads. */
export const mcpSettings = { EDGE_URL: settings.EDGE_URL, PARMA_API_KEY: settings.PARMA_API_KEY }

function readByTopic(form: RegExp): (parts: readonly string[], context: z.RefinementCtx) => ByTopic {
  return (parts, context) => {
    const numbers = new Map<string, number>()
    for (const part of parts) {
      const [, name, digits = ''] = /^(?:(.+)=)?(\d+)$/.exec(part) ?? []
      const isKnown = form.test(digits) && (name === undefined || allTopics.some((topic) => topic.name === name))
      if (isKnown) numbers.set(name ?? '*', Number(digits))
      else context.addIssue(`${JSON.stringify(part)} is neither a number nor <topic>=<number>`)
    }
    return numbers
  }
}

/**
 * The environment in which a command runs: that of this process and, where it names no system to talk to, the addresses
 * of the local stack (the file that PARMA_STACK_ENV names, by default .local/stack.env of this repository).
 */
export function readEnvironment(env = process.env): NodeJS.ProcessEnv {
  const file = env.PARMA_STACK_ENV ?? resolve(import.meta.dirname, '../../.local/stack.env')
  if (namesSystem(env) || !existsSync(file)) return env
  return { DEPLOYMENT_ENV: 'local', ...parseEnv(readFileSync(file, 'utf8')), ...env }
}
