import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { factsSchema, type Facts } from './facts.ts'

/** One line of JSON per package after a line that says where they come from, so that a change is easy to review. */
export const recordingFile = resolve(import.meta.dirname, 'recording.ndjson')

/** What the registry said when the recording was made: the packages by name, for machines without a registry. */
export function readRecording(): Map<string, Facts> {
  const [, ...lines] = readFileSync(recordingFile, 'utf8').trimEnd().split('\n')
  return new Map(lines.map((line) => factsSchema.parse(JSON.parse(line))).map((facts) => [facts.name, facts]))
}

export function renderRecording(packages: Facts[], recordedAt: Date): string {
  const header = { generated_by: 'node services/miner-npm/record.ts', do_not_edit: true, recorded_at: recordedAt }
  return [header, ...packages].map((line) => `${JSON.stringify(line)}\n`).join('')
}
