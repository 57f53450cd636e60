import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { factsSchema, type Facts } from './facts.ts'

/** A line about its origin, then one line of JSON per package, so that changes are easy to review. */
export const recordingFile = resolve(import.meta.dirname, 'recording.ndjson')

/** The packages of the recording by name, as the registry knew them when it was made. */
export function readRecording(): Map<string, Facts> {
  const [, ...lines] = readFileSync(recordingFile, 'utf8').trimEnd().split('\n')
  return new Map(lines.map((line) => factsSchema.parse(JSON.parse(line))).map((facts) => [facts.name, facts]))
}

export function renderRecording(packages: Facts[], recordedAt: Date): string {
  const header = { generated_by: 'node services/miner-npm/record.ts', do_not_edit: true, recorded_at: recordedAt }
  return [header, ...packages].map((line) => `${JSON.stringify(line)}\n`).join('')
}
