import { classify, retryTransient } from '../calls/retry.ts'
import type { FetchedRecord } from '../kafka/record.ts'
import { retries } from '../process/metrics.ts'
import type { ServiceContext } from '../process/service.ts'
import { isKiller, moveOn, type Note } from '../recovery/offset-note.ts'
import type { Place } from '../recovery/place.ts'
import type { Turnstile } from '../recovery/turnstile.ts'
import type { keepAlive } from '../calls/keep-alive.ts'
import { type Dead, dead } from './outcome.ts'
import { type Processor, TooManyDeadLetters } from './process-batch.ts'
import type { Trouble } from './trouble.ts'

export type Tools = {
  place: Place
  /** Commits an offset with a note, before which `newest` is the newest time of a record. */
  commit(offset: number, note: Note, newest?: number): Promise<void>
  process: Processor
  alive: ReturnType<typeof keepAlive>
  /** Of all that the process has in work. */
  turnstile: Turnstile
  trouble: Trouble
  context: Pick<ServiceContext, 'log' | 'health' | 'stopping' | 'fail'>
}

type Result =
  | 'through'
  /** They failed too often together. */
  | 'halve'
  /** The brake holds: too many dead letters in a row. */
  | 'brake'
  | 'stopped'
  /** The service fails. The note of the partition stays as it is. */
  | 'failed'

class TooManyTries extends Error {}

/** No reason to process the records again: the group decides who gets them next. */
class CommitFailed extends Error {
  readonly reason: unknown
  constructor(reason: unknown) {
    super('not committed')
    this.reason = reason
  }
}

/**
 * Processes `records`, which are taken together, and commits them. Repeats it while errors are transient: `maxTries` times if
 * they are several. Where records are suspect there is one, and nothing else in this process is in work with it. Throws what
 * the group answers to a commit.
 */
export async function workChunk(records: FetchedRecord[], maxTries: number, tools: Tools): Promise<Result> {
  const { place, alive, turnstile, trouble, context } = tools
  const { topic, partition, offset } = records[0] as FetchedRecord
  const isAlone = place.note.suspects > 0
  const attemptOnce = async (attempt: number) => {
    if (records.length > 1 && attempt > maxTries) throw new TooManyTries()
    alive.pause()
    const verdict = records.length === 1 ? await trouble.judge(attempt) : undefined
    await turnstile.pass(isAlone, () => {
      alive.attempt()
      return (isAlone ? processAlone : processAll)(records, { attempt, verdict }, tools)
    })
  }
  const onRetry = (error: unknown, attempt: number) => {
    alive.pause()
    retries.inc({ topic })
    context.log.warn({ error, attempt, topic, partition, offset }, 'retrying')
    trouble.failed(error)
  }
  try {
    await retryTransient(attemptOnce, { signal: context.stopping, onRetry })
    return 'through'
  } catch (error) {
    if (error instanceof TooManyTries) return 'halve'
    if (error instanceof CommitFailed) throw error.reason
    if (error instanceof TooManyDeadLetters) {
      trouble.braked(error)
      return 'brake'
    }
    if (classify(error) === 'transient' && context.stopping.aborted) return 'stopped'
    context.fail(error)
    return 'failed'
  }
}

type How = { attempt: number; verdict: Dead | undefined }

async function processAll(records: FetchedRecord[], how: How, tools: Tools): Promise<void> {
  const { place, process } = tools
  const deadInARow = await process(records, { ...how, deadInARow: place.note.deadInARow })
  const newest = Math.max(...records.map(({ timestamp }) => timestamp))
  await commit(tools, Number(records.at(-1)?.offset) + 1, moveOn(place.note, records.length, deadInARow), newest)
}

/**
 * While it is processed, the note says that the record is alone in work, unless a server is away that it may wait for.
 * Whatever ends in order takes that back.
 */
async function processAlone(records: FetchedRecord[], { attempt, verdict }: How, tools: Tools): Promise<void> {
  const { place, context } = tools
  const { note } = place
  const killer = isKiller(note)
    ? dead('killed-the-process', `the process ended ${note.aloneDeaths} times while only this record was in work`)
    : undefined
  const known = killer ?? verdict
  const isMarked = known === undefined && (await context.health.away()).length === 0
  if (isMarked) await commit(tools, place.offset, { ...note, state: 'alone' })
  try {
    await processAll(records, { attempt, verdict: known }, tools)
  } catch (error) {
    const isOrderly = classify(error) === 'transient' || error instanceof TooManyDeadLetters
    if (isMarked && isOrderly) await commit(tools, place.offset, note)
    throw error
  }
}

async function commit(tools: Tools, offset: number, note: Note, newest?: number): Promise<void> {
  await tools.commit(offset, note, newest).catch((error: unknown) => {
    throw new CommitFailed(error)
  })
}
