import { v5 as uuidv5 } from 'uuid'
import type { ObservedValue } from '../../schemas/generated/types.ts'
import { readConfig } from '../../services/analyzer/config.ts'
import type { Criteria, Memory } from '../../services/analyzer/judge/judge-payloads.ts'
import { policiesOf } from '../../services/analyzer/judge/policies.ts'
import { compileRules } from '../../services/analyzer/rules/compile-rules.ts'
import { type Held, judgeOne } from '../../services/analyzer/watch/judge-one.ts'
import { type Evidence, evidenceOf } from '../../services/analyzer/suspect/alike.ts'
import { decideRun } from '../../services/analyzer/suspect/decide.ts'
import { continues, departs } from '../../services/analyzer/suspect/numbers.ts'
import { findShapes } from '../../services/analyzer/suspect/shapes.ts'
import { readPayload, type Trace } from '../../services/analyzer/suspect/trace.ts'
import { type Payload, seriesKey, subjectKey } from '../../services/analyzer/values/payload.ts'
import { type Random, seeded } from './random.ts'

const faults = ['zeros', 'nulls', "neighbour's payload", "last week's payload", 'list cut off'] as const
type Fault = (typeof faults)[number]

/** What a company is, and what the source brings of it. */
type Company = { id: number; totals: number[]; repos: { key: string; stars: number; forks: number }[] }

/**
 * `messages`: news items that people get at once or when the run has ended; `wrong`: those of them that are about what the
 * source broke. `held`: those that nobody gets.
 */
export type RunResult = {
  fault: Fault | null
  companies: number
  affected: number
  isSuspect: boolean
  messages: number
  wrong: number
  held: number
}

const weekMs = 7 * 86_400_000
const quietRuns = 12
const namespace = '0f8c1f0e-2f5e-4b62-9d58-3a7b4d4c2b1a'
// Only for the defaults: nothing listens at these addresses.
const config = readConfig({
  ...{ KAFKA_BROKERS: 'kafka.example:9092', SCHEMA_REGISTRY_URL: 'http://registry.example' },
  ...{ DATABASE_URL: 'postgres://postgres.example/parma', DEPLOYMENT_ENV: 'local' },
  // Which numbers are news is not measured here: any that moves much.
  DEFAULT_DETECTOR: 'percent',
})

/**
 * 20 runs of a broken source and 20 in which many companies really moved, in random order, after some quiet ones. What
 * is suspect is dropped.
 */
export function measureRuns(count: number, shape: 'numbers' | 'lists', seed: number): RunResult[] {
  const random = seeded(seed)
  const world = makeWorld(count, shape, random)
  const source = openSource(shape)
  let week = 0
  const runAll = (
    change: (now: Payload[], companies: Company[]) => { payloads: Payload[]; affected: number; broken?: Set<number> },
  ) => {
    for (const company of world) grow(company, random)
    const now = world.map((company) => observe(company, world, shape, week))
    week++
    const { payloads, affected, broken = new Set() } = change(now, world)
    return { affected, ...source.run(shuffle(payloads, random), broken) }
  }
  for (let n = 0; n < quietRuns; n++) runAll((payloads) => ({ payloads, affected: 0 }))
  const plan = shuffle(
    [...Array.from({ length: 20 }, (_, n) => faults[n % faults.length]!), ...Array.from({ length: 20 }, () => null)],
    random,
  )
  /** What the source sent last of each company, unbroken. */
  const last = world.map((company) => observe(company, world, shape, week))
  return plan.map((fault): RunResult => {
    const share = random.between(0.2, 1)
    const result = runAll((now, companies) => {
      if (fault === null) {
        const movers = choose(companies, share, random)
        for (const company of movers) leap(company, random)
        const moved = companies.map((company) => observe(company, companies, shape, week - 1))
        for (const [at, payload] of moved.entries()) last[at] = payload
        return { payloads: moved, affected: movers.length }
      }
      const broken = new Set(choose(companies, share, random).map(({ id }) => id))
      const payloads = now.map((payload, at) => {
        if (!broken.has(Number(payload.company_id))) return (last[at] = payload)
        return breakPayload(fault, payload, last[at]!, now[(at + 1) % now.length]!)
      })
      return { payloads, affected: broken.size, broken }
    })
    return { fault, companies: count, ...result }
  })
}

function makeWorld(count: number, shape: 'numbers' | 'lists', random: Random): Company[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    totals: Array.from({ length: 4 }, () => Math.round(10 ** random.between(2, 5))),
    repos:
      shape === 'numbers'
        ? []
        : Array.from({ length: 8 + random.below(20) }, (_, n) => ({
            key: `https://example.com/${id}/${n}`,
            stars: Math.round(10 ** random.between(1, 4)),
            forks: Math.round(10 ** random.between(0, 3)),
          })),
  }))
}

/** An ordinary week. */
function grow(company: Company, random: Random): void {
  company.totals = company.totals.map((value) => value + 1 + random.poisson(value * 0.005))
  for (const repo of company.repos) {
    repo.stars += random.poisson(repo.stars * 0.01)
    repo.forks += random.poisson(repo.forks * 0.005)
  }
}

/** A company that really moves, in its own way. */
function leap(company: Company, random: Random): void {
  const factor = () => (random.next() < 0.3 ? random.between(0.3, 0.7) : random.between(1.3, 4))
  const all = factor()
  const isAll = random.next() < 0.3
  company.totals = company.totals.map((value, at) => Math.round(value * (isAll || at === 0 ? all : 1)))
  for (const repo of company.repos.slice(0, 3)) repo.stars = Math.round(repo.stars * factor()) + 1
}

function observe({ id, totals, repos }: Company, world: readonly Company[], shape: string, week: number): Payload {
  const value = (index: number, found: Partial<ObservedValue>): ObservedValue => ({
    ...{ seq: 0, source_measurement_id: index, company_measurement_id: id * 100 + index, item_label: null },
    ...{ measurement_name: `measure ${index}`, type: 'int', path: `m${index}`, item_key: null },
    ...{ number: null, text: null, date: null, members: null },
    ...found,
  })
  const ofRepos = repos.flatMap(({ key, stars, forks }) => [
    value(20, { path: 'repos[].stars', item_key: key, item_label: key, number: stars }),
    value(21, { path: 'repos[].forks', item_key: key, item_label: key, number: forks }),
  ])
  const url = `https://example.com/company-${id}`
  const named = shape === 'numbers' ? [] : [value(10, { type: 'link', text: url })]
  const all = [...totals.map((number, index) => value(index, { number })), ...named, ...ofRepos]
  return {
    ...{ event_id: uuidv5(`${world.length}/${id}/${week}`, namespace), event_no: week * 1000 + id, data_source_id: 1 },
    ...{ source_name: 'made', company_id: String(id), task_id: week, map_version: 1, observed_at: week * weekMs },
    ...{ history: false, replay_id: null, subject_key: shape === 'numbers' ? '' : url, refused: 0, empty_lists: [] },
    values: all.map((one, seq) => ({ ...one, seq })),
  }
}

function breakPayload(fault: Fault, payload: Payload, previous: Payload, neighbour: Payload): Payload {
  const { values } = payload
  const own = (all: Payload['values']) =>
    all.map((value) => ({
      ...value,
      company_measurement_id: Number(payload.company_id) * 100 + value.source_measurement_id,
    }))
  if (fault === 'zeros')
    return { ...payload, values: values.map((one) => (one.number === null ? one : { ...one, number: 0 })) }
  if (fault === 'nulls') return { ...payload, values: values.filter(({ number }) => number === null) }
  if (fault === "last week's payload") return { ...payload, values: previous.values }
  if (fault === "neighbour's payload")
    return { ...payload, subject_key: neighbour.subject_key, values: own(neighbour.values) }
  const keys = [...new Set(values.flatMap(({ item_key }) => item_key ?? []))].slice(0, 5)
  // Without a list there is nothing to cut: half of the values is missing.
  if (keys.length === 0) return { ...payload, values: values.slice(0, 2) }
  return { ...payload, values: values.filter(({ item_key }) => item_key === null || keys.includes(item_key)) }
}

/** Judges the payloads of runs as the analyzer does, without the servers. */
function openSource(shape: string) {
  const memory: Memory = { states: new Map(), subjects: new Map() }
  const traces = new Map<string, Trace>()
  const criteria: Criteria = { rules: compileRules([], config.MAX_WINDOW), ...policiesOf(config) }
  const isForeign = (company: string, identity: string | null) => {
    const known = [...traces].map(([key, trace]) => ({ company: key.split('\0')[0], identity: trace.identity }))
    const ofOwn = known.filter((one) => one.company === company && one.identity !== null)
    const others = known.filter((one) => one.company !== company && one.identity === identity)
    return (
      identity !== null && ofOwn.length > 0 && !ofOwn.some((one) => one.identity === identity) && others.length === 1
    )
  }

  const isStray = (company: string, own: Trace['numbers'], before: Trace | null) =>
    before !== null &&
    departs(own, before.numbers) &&
    [...traces].some(([key, trace]) => key.split('\0')[0] !== company && continues(own, trace.numbers))

  function run(payloads: readonly Payload[], broken: ReadonlySet<number>) {
    const evidence: Evidence[] = []
    const withheld: { held: Held; news: number }[] = []
    let [messages, wrong, held] = [0, 0, 0]
    const send = ({ company_id }: Payload, news: number) => {
      messages += news
      if (broken.has(Number(company_id))) wrong += news
    }
    let run: { run_no: number; state: 'open' | 'suspect'; alike: string[] } = { run_no: 1, state: 'open', alike: [] }
    const decide = (hasEnded: boolean) =>
      decideRun({
        ...{ evidence, hasEnded, quietMs: hasEnded ? 60_000 : 0, maxWaitMs: 1_800_000 },
        waiting: withheld.map(({ held: { payload } }) => ({ eventId: payload.event_id, ageMs: 0 })),
      })
    for (const payload of payloads) {
      const key = subjectKey(payload)
      const before = traces.get(key) ?? null
      const reading = readPayload(payload, before, memory.states)
      const { identity, numbers } = reading.trace
      const isOther = isForeign(payload.company_id, identity) || isStray(payload.company_id, numbers, before)
      const shapes = findShapes(reading, before, isOther)
      evidence.push(evidenceOf(payload, reading, shapes, before))
      const one = judgeOne(payload, { run, reading, shapes }, criteria, memory, new Map())
      const loud = one.result.judged.flatMap(({ found }) => found).filter(({ silent }) => !silent)
      const waits = loud.filter((found) => {
        if (!one.held) return false
        return one.held.holdsAll || (!('items' in found) && one.held.emptied.has(found.value.seq))
      })
      send(payload, loud.length - waits.length)
      if (one.held) withheld.push({ held: one.held, news: waits.length })
      if (!one.held?.trace) traces.set(key, reading.trace)
      const decision = run.state === 'open' ? decide(false) : null
      if (decision?.kind === 'suspect')
        run = { ...run, state: 'suspect', alike: decision.found.map((found) => found.key) }
    }
    const decision = run.state === 'open' ? decide(true) : null
    const isSuspect = run.state === 'suspect' || decision?.kind === 'suspect'
    for (const { held: one, news } of withheld) {
      if (isSuspect) {
        held += news
        continue
      }
      send(one.payload, news)
      for (const { state, ...series } of one.series) memory.states.set(seriesKey(one.payload, series), state)
      if (one.subject) memory.subjects.set(subjectKey(one.payload), one.subject)
      if (one.trace) traces.set(subjectKey(one.payload), one.trace)
    }
    return { isSuspect, messages, wrong, held }
  }
  return { run, shape }
}

function choose<T>(all: readonly T[], share: number, random: Random): T[] {
  return shuffle(all, random).slice(0, Math.max(1, Math.round(share * all.length)))
}

function shuffle<T>(all: readonly T[], random: Random): T[] {
  const list = [...all]
  for (let at = list.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[list[at], list[other]] = [list[other]!, list[at]!]
  }
  return list
}
