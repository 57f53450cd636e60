import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isTooLarge } from '#runtime/calls/retry.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { readRecords } from '#runtime/kafka/read-topics.ts'
import { type FetchedRecord, type ProducerRecord, sizeOf } from '#runtime/kafka/record.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql } from '#runtime/postgres/database.ts'
import { maxRecordBytes } from '#schemas/topics.ts'
import { type DeadLetterTopic, deadLetterTopics, readDeadLetter, replayOf } from './dead-letter.ts'
import { leaseSeconds } from './redrive.ts'
import type { LetterTools } from './tools.ts'

const letterRow = z.object({
  letter_no: z.number(),
  dlq_topic: z.string(),
  partition: z.number(),
  offset: z.string(),
  written_at: z.number(),
})
type Place = z.output<typeof letterRow>
/** A letter with the record that replays it, or why there is none. */
type Ready = { letterNo: number; record: ProducerRecord } | { letterNo: number; trouble: string }

/** Records of one send, and their bytes. */
const most = { records: 200, bytes: 900_000 }
/** Seconds of work before it looks whether it should still go on. */
const turnSeconds = 20

const leaseRow = z.object({ per_second: z.number(), actor: z.string(), reason: z.string().nullable() })
type Lease = z.output<typeof leaseRow>

/**
 * Works on a replay for some seconds. True: there is nothing left to do, by us. Each record is sent, with the same ids
 * whenever it is sent, and its letter is marked when all in-sync replicas of Kafka have it: a process that dies in between
 * sends some again, which the ledger of their service makes once.
 */
export async function workOnReplay(
  tools: LetterTools,
  id: string,
  lease: string,
  { stopping, onProgress }: { stopping?: AbortSignal; onProgress?: (sent: number) => void } = {},
): Promise<boolean> {
  const held = await takeLease(tools, id, lease)
  if (!held) return true
  const places = await nextLetters(tools, id, held.per_second * turnSeconds)
  const byTopic = new Map(deadLetterTopics.map((of) => [prefixed(tools.settings, of.name), of]))
  const waiting = new Map(places.map((place) => [keyOf(tools, place), place]))
  let batch: Ready[] = []
  let bytes = 0
  let isStopped = false

  const flush = async () => {
    const ready = batch
    ;[batch, bytes] = [[], 0]
    if (ready.length === 0 || isStopped) return
    const begun = performance.now()
    const settled = await sendAll(tools, ready)
    isStopped = !(await settle(tools, id, { lease, held, settled })) || stopping?.aborted === true
    onProgress?.(settled.filter(({ trouble }) => trouble === null).length)
    const pause = (1000 * ready.length) / held.per_second - (performance.now() - begun)
    if (pause > 0 && !isStopped) await delay(pause)
  }
  const perBatch = Math.max(1, Math.min(most.records, held.per_second))
  await readRecords(
    tools.settings,
    tools.log,
    places.map(({ dlq_topic, partition, offset }) => ({
      topic: prefixed(tools.settings, dlq_topic),
      partition,
      offset,
    })),
    async (record) => {
      const place = waiting.get(`${record.topic}/${record.partition}/${record.offset}`)
      // Of a topic that was made anew, another record may be at this place.
      if (!place || isStopped || place.written_at !== record.timestamp) return
      waiting.delete(keyOf(tools, place))
      batch.push(prepare(tools, byTopic.get(record.topic)!, record, place.letter_no))
      bytes += sizeOf(record)
      if (batch.length >= perBatch || bytes >= most.bytes) await flush()
    },
  )
  await flush()
  if (!isStopped) {
    const gone = [...waiting.values()].map(({ letter_no }) => ({ letterNo: letter_no, trouble: 'gone' }))
    if (gone.length > 0) isStopped = !(await settle(tools, id, { lease, held, settled: gone }))
  }
  if (isStopped) {
    await giveBack(tools, id, lease)
    return true
  }
  return (await endIfDone(tools, id)) || places.length === 0
}

function keyOf({ settings }: LetterTools, { dlq_topic, partition, offset }: Place): string {
  return `${prefixed(settings, dlq_topic)}/${partition}/${offset}`
}

/** Keeps the lease of whoever has it, and takes one that has run out; null: another has it, or the replay has ended. */
function takeLease({ database }: LetterTools, id: string, lease: string): Promise<Lease | null> {
  return database.maybeOne(sql.type(leaseRow)`
    UPDATE edge.redrive SET lease = ${lease}, lease_until = now() + ${leaseSeconds} * interval '1 s'
    WHERE redrive_id = ${id} AND state = 'running' AND (lease = ${lease} OR lease_until < now())
    RETURNING per_second, actor, reason`)
}

async function giveBack({ database }: LetterTools, id: string, lease: string): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE edge.redrive SET lease_until = '-infinity' WHERE redrive_id = ${id} AND lease = ${lease} AND state = 'running'`)
}

function nextLetters({ database }: LetterTools, id: string, count: number): Promise<readonly Place[]> {
  return database.any(sql.type(letterRow)`
    SELECT letter_no, dlq_topic, partition, "offset"::text AS offset,
      (extract(epoch FROM written_at) * 1000)::float8 AS written_at
    FROM edge.dead_letter WHERE claimed_by = ${id}
    ORDER BY dlq_topic, partition, edge.dead_letter."offset" LIMIT ${Math.min(count, 5000)}`)
}

function prepare({ settings }: LetterTools, of: DeadLetterTopic, record: FetchedRecord, letterNo: number): Ready {
  const letter = readDeadLetter(of, record)
  const replay = replayOf(of, letter, record, prefixed(settings, of.source.name))
  const isTooBig = letter.left_out !== null || sizeOf(replay) > maxRecordBytes(of.source)
  return isTooBig ? { letterNo, trouble: 'too-large' } : { letterNo, record: replay }
}

type Settled = { letterNo: number; trouble: string | null }

/** Sends what can be sent. One that its topic does not take after all costs the others nothing. */
async function sendAll({ producer }: LetterTools, ready: readonly Ready[]): Promise<Settled[]> {
  const sendable = ready.flatMap((one) => ('record' in one ? [one.record] : []))
  const isTaken = sendable.length === 0 || (await send(producer, sendable))
  const settled: Settled[] = []
  for (const one of ready) {
    if ('trouble' in one) settled.push(one)
    else {
      const isSent = isTaken || (await send(producer, [one.record]))
      settled.push({ letterNo: one.letterNo, trouble: isSent ? null : 'too-large' })
    }
  }
  return settled
}

async function send(
  { send: sendRecords }: LetterTools['producer'],
  records: readonly ProducerRecord[],
): Promise<boolean> {
  try {
    await sendRecords(records)
    return true
  } catch (error) {
    if (isTooLarge(error)) return false
    throw error
  }
}

const countRow = z.object({ done: z.number(), failed: z.number() })
const runningRow = z.object({ running: z.boolean() })

/** Marks letters. False: the replay was stopped, or another process has it now. What is sent is marked all the same. */
function settle(
  { database }: LetterTools,
  id: string,
  { lease, held, settled }: { lease: string; held: Lease; settled: readonly Settled[] },
): Promise<boolean> {
  const column = columnsOf(settled)
  return database.transaction(async (tx) => {
    const { done, failed } = await tx.one(sql.type(countRow)`
      WITH marked AS (
        UPDATE edge.dead_letter l SET claimed_by = NULL, trouble = n.trouble,
          state = CASE WHEN n.trouble IS NULL THEN 'replayed' ELSE l.state END,
          handled_at = CASE WHEN n.trouble IS NULL THEN now() END,
          handled_by = CASE WHEN n.trouble IS NULL THEN ${held.actor}::text END,
          handled_why = CASE WHEN n.trouble IS NULL THEN ${held.reason}::text END
        FROM unnest(${column('int8', ({ letterNo }) => letterNo)}, ${column('text', ({ trouble }) => trouble)}) AS n (letter_no, trouble)
        WHERE l.letter_no = n.letter_no AND l.state = 'open' AND (l.claimed_by = ${id} OR (l.redrive_id = ${id} AND n.trouble IS NULL))
        RETURNING n.trouble
      )
      SELECT count(*) FILTER (WHERE trouble IS NULL)::int AS done, count(trouble)::int AS failed FROM marked`)
    const redrive = await tx.maybeOne(sql.type(runningRow)`
      UPDATE edge.redrive SET done = done + ${done}, failed = failed + ${failed},
        lease_until = CASE WHEN lease = ${lease} AND state = 'running' THEN now() + ${leaseSeconds} * interval '1 s' ELSE lease_until END
      WHERE redrive_id = ${id} RETURNING state = 'running' AND lease = ${lease} AS running`)
    return redrive?.running === true
  })
}

const endRow = z.object({ ended: z.boolean() })

/** True: no letter of it is left. */
async function endIfDone({ database }: LetterTools, id: string): Promise<boolean> {
  const { ended } = await database.one(sql.type(endRow)`
    WITH ended AS (
      UPDATE edge.redrive SET state = 'done', ended_at = now()
      WHERE redrive_id = ${id} AND state = 'running' AND NOT EXISTS (SELECT FROM edge.dead_letter WHERE claimed_by = ${id})
      RETURNING redrive_id
    )
    SELECT EXISTS (SELECT FROM ended) AS ended`)
  return ended
}
