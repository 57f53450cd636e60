import { randomUUID } from 'node:crypto'
import { markIn } from '#runtime/erase/erasures.ts'
import type { Mark } from '#runtime/erase/recognise.ts'
import { output } from '#runtime/kafka/output.ts'
import { openPublisher, readRows } from '#runtime/open-kafka.ts'
import type { Log } from '#runtime/process/log.ts'
import type { KafkaSettings, ProducerSettings } from '#runtime/process/settings.ts'
import type { Erasure } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'

/** What is erased: a company, or a text by its mark. */
export type Target = { company: number } | { mark: Mark }
export type Listed = Target & { id: string }

type Settings = KafkaSettings & ProducerSettings

/** Puts it on the list: from now on all services leave it out. Resolves with its id when Kafka has it. */
export async function putOnList(
  config: Settings,
  { log, scope }: { log: Log; scope: AsyncDisposableStack },
  target: Target,
  { actor, reason }: { actor: string; reason: string },
): Promise<string> {
  const publish = await openPublisher(config, { name: 'parma', log, scope })
  const event_id = randomUUID()
  const nothing = { company_id: null, length: null, salt: null, hash: null, quick: null }
  const what = 'company' in target ? { kind: 'company', company_id: target.company } : { kind: 'text', ...target.mark }
  const row: Erasure = { ...nothing, ...what, event_id, actor, reason, erased_at: Date.now() }
  await publish([output(topics.erasures, event_id, event_id, row)])
  return event_id
}

/** All that is on the list, in order. */
export async function readList(config: KafkaSettings): Promise<Listed[]> {
  const listed: Listed[] = []
  await readRows(config, topics.erasures, (row) => {
    if (row === null) return
    const mark = markIn(row)
    if (row.company_id !== null) listed.push({ id: row.event_id, company: row.company_id })
    else if (mark) listed.push({ id: row.event_id, mark })
  })
  return listed
}
