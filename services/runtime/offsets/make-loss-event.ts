import { v5 as uuidv5 } from 'uuid'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { type Topic, topics as allTopics } from '#schemas/topics.ts'
import { output, type Output } from '../kafka/output.ts'
import { describeLoss, type Loss } from './find-loss.ts'
import type { Followed } from './positions.ts'

type Reader = {
  service: string
  /** By their names in the cluster. */
  topics: ReadonlyMap<string, Topic<unknown>>
}

const namespace = '0d3b7f0c-6f0e-5d5e-9a0b-9b7f3f1c2a61'

/** The same event for the same loss, so that a process that dies before it has committed tells nothing twice. */
export function lossEvent(reader: Reader, of: Followed, loss: Loss, resolved: boolean): Output {
  const { service, topics } = reader
  const { topic, partition, newest } = of
  const name = topics.get(topic)?.name ?? topic
  const dedupe_key = `${service}/records-lost/${name}/${partition}`
  const range = `${loss.from}-${loss.to}`
  const event: OpsEvent = {
    event_id: uuidv5(JSON.stringify([dedupe_key, range, resolved ? loss.noticedAt : newest, resolved]), namespace),
    ...{ kind: 'records-lost', service, data_source_id: null, subject: `${name}/${partition}`, resolved, dedupe_key },
    message: resolved
      ? `The loss of records on partition ${partition} of ${name} was accepted.`
      : `${describeLossOf(reader, of, loss)} ${remedyOf(service)}`,
    at: Date.now(),
    facts: { topic: name, partition: String(partition), from: String(loss.from), to: String(loss.to) },
  }
  if (loss.count !== null) event.facts.count = String(loss.count)
  return output(allTopics.opsEvents, service, event.event_id, event)
}

export function describeLossOf({ service, topics }: Reader, { topic, partition }: Followed, loss: Loss): string {
  return describeLoss(service, topics.get(topic)?.name ?? topic, partition, loss)
}

/** What to do about a loss. */
export function remedyOf(service: string): string {
  const refill = service === 'normalizer' ? '`parma redrive --missing` brings back what raw documents keep. ' : ''
  return `${refill}Run \`parma groups accept-loss --service ${service}\` when nothing more can be brought back.`
}
