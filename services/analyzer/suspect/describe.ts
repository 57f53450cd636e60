import { v5 as uuidv5 } from 'uuid'
import { capitalize } from '#runtime/text/format.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import type { Alike } from './alike.ts'

/** Namespace of the ids of ops events about runs. */
const namespace = '5b0d6a0e-6d0b-4d5b-9b4b-0a4f2a7c1e10'
const maxExamples = 3

/** A suspect run, as operators know it. */
export type SuspectRun = {
  run_no: number
  data_source_id: number
  source_name: string
  task_id: number | null
  message: string
  examples: readonly string[]
  companies_alike: number
  companies_judged: number
}

/** What the companies of a run have in common, in words. */
export function describeAlike({ key, companies }: Alike, judged: number): string {
  return `in ${companies} of ${judged} companies ${saysOf(key)}`
}

function saysOf(key: string): string {
  const [kind = '', ...rest] = key.split(' ')
  if (kind === 'zeros') return 'the numbers became zero'
  if (kind === 'gone') return 'half of the values or more are gone'
  if (kind === 'frozen') return 'no number moved'
  if (kind === 'cut') return `the list ${rest.slice(0, -1).join(' ')} ends after ${rest.at(-1)} items`
  if (kind === 'foreign') return 'the payload names another company'
  if (kind === 'double') return 'the payload has the content of another company'
  if (kind === 'emptied') return 'the same measurement became zero or empty'
  if (kind === 'null') return 'the same measurement has no value'
  return `the same measurement became ${rest.at(-1)}`
}

/** Up to three payloads, each of another company. `names`: of companies, by id. */
export function pickExamples({ payloads }: Alike, names: ReadonlyMap<number, string>): string[] {
  const byCompany = new Map([...payloads.values()].map(({ company, seen }) => [company, seen]))
  return [...byCompany]
    .slice(0, maxExamples)
    .map(([company, seen]) => `${names.get(company) ?? 'a deleted company'} (${company}): ${seen}`)
}

export function nameRun({ source_name, task_id }: Pick<SuspectRun, 'source_name' | 'task_id'>): string {
  return task_id === null ? `a run of ${source_name} without a task` : `the run of task ${task_id} of ${source_name}`
}

/** The ops event that a run is suspect. */
export function announceSuspect(run: SuspectRun, at: number): OpsEvent {
  return eventOf(run, `suspect-run/${run.run_no}`, false, at, [
    `${capitalize(nameRun(run))} looks wrong: ${run.message}.`,
    `Examples: ${run.examples.join('; ')}.`,
    `Its news items are held. Look at it with \`npx parma suspect show ${run.run_no}\`, then release or drop it.`,
  ])
}

/** The daily reminder. Each is an incident of its own: a further event of an open one would be ignored. */
export function remindOfSuspect(run: SuspectRun, at: number, days: number, held: number): OpsEvent {
  return eventOf(run, `suspect-run/${run.run_no}/day-${days}`, false, at, [
    `${capitalize(nameRun(run))} has been held for ${days} ${days === 1 ? 'day' : 'days'}: ${run.message}.`,
    `News items held: ${held}. \`npx parma suspect release ${run.run_no}\` or \`drop ${run.run_no}\` decides.`,
  ])
}

/** The end of the incident. `what`: a sentence. */
export function resolveSuspect(run: SuspectRun, at: number, what: string): OpsEvent {
  return eventOf(run, `suspect-run/${run.run_no}`, true, at, [`${capitalize(nameRun(run))}: ${what}`])
}

function eventOf(run: SuspectRun, dedupe_key: string, resolved: boolean, at: number, sentences: string[]): OpsEvent {
  return {
    event_id: uuidv5(`${dedupe_key}/${resolved}`, namespace),
    ...{ kind: 'suspect-run', service: 'analyzer', data_source_id: run.data_source_id },
    subject: `run ${run.run_no}`,
    message: sentences.join(' '),
    ...{ resolved, dedupe_key, at },
    facts: {
      ...{ run_no: String(run.run_no), source_name: run.source_name },
      ...(run.task_id !== null && { task_id: String(run.task_id) }),
      ...{ companies_alike: String(run.companies_alike), companies_judged: String(run.companies_judged) },
      ...Object.fromEntries(run.examples.map((example, index) => [`example_${index + 1}`, example])),
    },
  }
}
