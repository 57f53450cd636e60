import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { topics } from '#schemas/topics.ts'
import { expect } from 'vitest'
import { onCleanup } from '../cleanup.ts'
import { describeOpen } from '../counts.ts'
import { startFeeding } from '../feeding.ts'
import { waitFor } from '../wait-for.ts'
import { type Acked, listProblems } from './effects.ts'
import { makePayloads, map, type Numbered } from './load.ts'
import { type Fault, type KindName, planFaults } from './plan.ts'
import { watchProgress } from './progress.ts'
import { report, type Struck } from './report.ts'
import { strike } from './strike.ts'
import { startWorld, type World } from './world.ts'
import { startWrongConsumers } from './wrong-consumers.ts'

export type Run = { seed: string; forMs: number; from: readonly KindName[]; recoveryMs: number }

/** So many that none has more news items during an outage than one message names: it counts the rest. */
const companies = 24
const payloadsPerSecond = 6
/** Of all payloads due while faults last, those that are acknowledged by their end. */
const leastAcked = 0.8
const poisonEveryMs = 3000
/** No company has this id. */
const stranger = { id: 999_999_999, name: 'Stranger' }

/** Posts payloads for `forMs` while the faults of the seed come, heals, and compares all that came of them. */
export async function runNemesis({ seed, forMs, from, recoveryMs }: Run): Promise<void> {
  const plan = planFaults(seed, { forMs, from })
  console.log(`nemesis: seed ${seed}, ${forMs / 1000} s, ${plan.faults.length} faults`)
  const hasClock = plan.faults.some(({ kind }) => kind.startsWith('clock'))
  const world = await startWorld(companies, hasClock ? plan.clockOf : null)
  world.companies.push(stranger)
  const wrong = await startWrongConsumers(world)

  const payloads = makePayloads(companies + 1, (forMs / 1000) * payloadsPerSecond)
  const startedAt = performance.now()
  const now = () => performance.now() - startedAt
  const over = new AbortController()
  const watched = new AbortController()
  onCleanup(() => [over, watched].forEach((one) => one.abort()))
  const progress = watchProgress(world.database, now, watched.signal)
  const feeding = startFeeding(world, payloads, { overMs: forMs, deadlineMs: forMs + 4 * recoveryMs })
  const tormenting = wrong.torment(over.signal)
  const poisoning = feedPoison(world, over.signal)
  const striking = plan.faults.map((fault) => strikeInTime(world, fault, now, over.signal))

  await delay(forMs)
  const ackedShare = feeding.fed() / payloads.length
  over.abort()
  const patience = patienceOf(loadavg()[0] ?? 0, availableParallelism())
  // A server that takes longer to start leaves less of the time to acknowledge in.
  const enough = () => feeding.fed() >= leastAcked * payloads.length
  const isEnoughAcked = waitFor('payloads', enough, (patience - 1) * (1 - leastAcked) * forMs + 1).catch(() => false)
  const struck = await Promise.all(striking)
  const healedAt = now()
  const { documents, refusals } = await feeding.done
  const poison = await poisoning
  const acked = payloads.map((payload, index) => describeAcked(payload, documents[index] ?? ''))
  await tormenting

  const left = await waitUntilSettled(world, acked.length, patience * recoveryMs)
  const recoveredMs = now() - healedAt
  watched.abort()
  let problems: string[] = []
  const isRight = async () => (problems = await listProblems(world, acked, poison)).length === 0
  // The last of the poison may still be on its way.
  await waitFor('the comparison', isRight, 10_000, 2000).catch(() => undefined)
  report(struck, progress, { acked: acked.length, ackedShare, refusals, recoveredMs, patience, plan })

  expect(problems).toEqual([])
  expect(left, 'what was not done in time').toEqual([])
  const uncaught = await wrong.listUncaught(acked.map(({ id }) => id))
  expect(uncaught, 'consumers that are wrong on purpose').toEqual([])
  expect(await isEnoughAcked, `${100 * leastAcked} % of the payloads acknowledged in time`).toBe(true)
}

/**
 * How many times as long as on a machine of its own servers and services may take to recover: processes of others that wait
 * for the same cores slow down each step of it. A run alone keeps about two processes waiting for each of two cores.
 */
function patienceOf(load: number, cores: number): number {
  return Math.max(1, load / (2 * cores))
}

/** Resolves with what is still open after `recoveryMs`. The question is cheap, so that asking holds nothing up. */
async function waitUntilSettled(world: World, fed: number, recoveryMs: number): Promise<string[]> {
  let left: string[] = []
  const isSettled = async () => {
    const waiting = Object.entries(world.services).filter(([, service]) => !service.isReady())
    left = [
      ...(await describeOpen({ ...world, source: map.Source }, fed)),
      ...waiting.map(([name]) => `${name} is not ready`),
    ]
    return left.length === 0
  }
  await waitFor('all effects', isSettled, recoveryMs, 1000).catch(() => undefined)
  return left
}

function describeAcked(payload: Numbered, id: string): Acked {
  return { ...payload, id, isStranger: payload.company === companies }
}

async function strikeInTime(world: World, fault: Fault, now: () => number, over: AbortSignal): Promise<Struck> {
  await delay(Math.max(0, fault.atMs - now()))
  await strike(world, fault, over)
  return { ...fault, endedMs: now() }
}

/** Sends what nobody can read every few seconds, each once or more, until `over`. Returns what was sent. */
async function feedPoison({ topics: own }: World, over: AbortSignal): Promise<string[]> {
  const sent: string[] = []
  while (!over.aborted) {
    const value = `poison ${sent.length}`
    const send = () => own.produce(topics.rawPayloads.name, [{ key: String(sent.length), value }]).then(() => true)
    await waitFor('a poison to be sent', send, 120_000, 500)
    sent.push(value)
    await delay(poisonEveryMs, undefined, { signal: over }).catch(() => undefined)
  }
  return sent
}
