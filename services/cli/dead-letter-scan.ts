import { UsageError } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import { kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/process/log.ts'
import { type Database, openPool } from '#runtime/postgres/database.ts'
import { readTopics } from '#runtime/kafka/read-topics.ts'
import type { FetchedRecord } from '#runtime/kafka/record.ts'
import { type DeadLetter, type DeadLetterTopic, deadLetterTopics, readDeadLetter } from './dead-letter.ts'
import { type Action, keyOf, readHandled } from './handled-dead-letters.ts'

export const readDeadLetterConfig = () => readEnv({ ...kafkaSettings, ...producerSettings, ...postgresSettings })
export type DeadLetterConfig = ReturnType<typeof readDeadLetterConfig>

export type DeadLetterFilter = { topic?: string; service?: string; reason?: string; event?: string; id?: string }

/** A dead letter with its record. `state`: open until it is replayed or dropped. */
export type FoundDeadLetter = {
  of: DeadLetterTopic
  deadLetter: DeadLetter
  record: FetchedRecord
  state: 'open' | Action
}

/**
 * Reads the dead letter topics from their beginning to their end and calls `onDeadLetter` for each record that passes the
 * filter. Throws a UsageError when no topic can hold such a record.
 */
export async function scanDeadLetters(
  filter: DeadLetterFilter,
  onDeadLetter: (
    tools: { config: DeadLetterConfig; database: Database },
    found: FoundDeadLetter,
  ) => void | Promise<void>,
): Promise<void> {
  const wanted = deadLetterTopics.filter(
    (of) =>
      (filter.topic ?? of.source.name) === of.source.name &&
      (filter.service ?? of.service) === of.service &&
      (filter.id === undefined || filter.id.startsWith(`${of.name}/`)),
  )
  if (wanted.length === 0)
    throw new UsageError(
      filter.id
        ? `${JSON.stringify(filter.id)} is not the id of a dead letter. \`parma dlq ls --each\` lists them.`
        : `There are no dead letters of this topic and service. These exist:${deadLetterTopics.map(({ source, service }) => `\n  --topic ${source.name} --service ${service}`).join('')}`,
    )
  const config = readDeadLetterConfig()
  const database = await openPool(config)
  try {
    const handled = await readHandled(database)
    const byName = new Map(wanted.map((of) => [prefixed(config, of.name), of]))
    await readTopics(config, createLog('parma', 'silent'), [...byName.keys()], async (record) => {
      const of = byName.get(record.topic)!
      const deadLetter = readDeadLetter(of, record)
      if ((filter.reason ?? deadLetter.reason) !== deadLetter.reason) return
      if (filter.event !== undefined && filter.event !== deadLetter.event_id) return
      if ((filter.id ?? deadLetter.id) !== deadLetter.id) return
      await onDeadLetter({ config, database }, { of, deadLetter, record, state: handled.get(keyOf(record)) ?? 'open' })
    })
  } finally {
    await database.end()
  }
}
