import { isRecord, tryJson } from '#runtime/read/try-json.ts'
import { InitializeError, readInitialize } from '#runtime/module/read-initialize.ts'
import { compileMap, type CompiledMap } from '#runtime/understand/compile-map.ts'
import { type EdgeAnswer } from '../recording/answer-call.ts'
import type { Findings } from './findings.ts'
import { type Answered } from './judge-answer.ts'
import type { EdgeCall, Step } from '../recording/recording-edge.ts'

export type Handshake = { source: string; map: CompiledMap; entries: number }

const frequencies = ['hourly', 'daily', 'weekly', 'monthly']
const where = 'GET /initialize'

type Entry = {
  SourceField: string
  DataType: string
  MeasurementName: string
  source_measurement_id?: unknown
  NestedMappings?: Entry[] | null
}

/** Judges what the module answers to /initialize, and what it registered. Null: the answer cannot be used. */
export function judgeHandshake(findings: Findings, { text }: Answered, step: Step, refused: boolean): Handshake | null {
  let read: ReturnType<typeof readInitialize>
  try {
    read = readInitialize(text)
  } catch (error) {
    if (!(error instanceof InitializeError)) throw error
    const isMap = error.message.includes('normalization map')
    findings.defect(isMap ? 'wrong-map' : 'wrong-literal', where, error.message, isMap ? '5' : '4.1')
    return null
  }
  const { frequency, source, content } = read
  if (!frequencies.includes(frequency.toLowerCase()))
    findings.defect(
      'wrong-literal',
      where,
      `frequency is ${JSON.stringify(frequency)}: ${frequencies.join(', ')}`,
      '4.1',
    )
  if (!/^[a-z0-9_-]+$/.test(source))
    findings.defect('wrong-source', where, `Source is ${JSON.stringify(source)}: only a-z, 0-9, _ and -`, '7')
  const entries = (JSON.parse(content) as { Mappings: Entry[] }).Mappings
  const count = countEntries(entries)
  const map = compileMap(content)
  if (!map) {
    findings.defect('wrong-map', where, 'the map cannot be used')
    return null
  }
  for (const { path, message } of map.faults)
    if (!message.startsWith('source_measurement_id') || message.includes('already used'))
      findings.defect('wrong-map', `${where}, map`, `${path}: ${message}`)
  if (step.calls.length > 0 && !refused) judgeRegistration(findings, entries, step.calls)
  if (step.calls.length === 0 && count > 0 && !entries.some((entry) => entry.source_measurement_id))
    findings.defect('not-registered', `${where}, map`, 'no entry was registered, and none has an id')
  return { source, map, entries: count }
}

function countEntries(entries: readonly Entry[]): number {
  return entries.reduce((sum, { NestedMappings }) => sum + 1 + countEntries(NestedMappings ?? []), 0)
}

type Registration = { type: string; name: string; parent: number | null; id: number }

/** Each entry of the map is registered once, below its parent, and has the id that it got. */
function judgeRegistration(findings: Findings, entries: readonly Entry[], calls: readonly EdgeCall[]): void {
  const registered = calls.flatMap(readRegistration)
  const keyOf = ({ name, parent }: Pick<Registration, 'name' | 'parent'>) => JSON.stringify([parent, name])
  const byKey = Map.groupBy(registered, keyOf)
  const visit = (level: readonly Entry[], parent: number | null): void => {
    for (const entry of level) {
      const those = byKey.get(keyOf({ name: entry.MeasurementName, parent })) ?? []
      judgeEntry(findings, entry, those)
      const [own] = those
      if (own) visit(entry.NestedMappings ?? [], own.id)
    }
  }
  visit(entries, null)
}

function judgeEntry(findings: Findings, entry: Entry, those: readonly Registration[]): void {
  const name = JSON.stringify(entry.MeasurementName)
  const at = `${where}, map`
  const [own] = those
  if (!own) return findings.defect('not-registered', at, `${name} (${entry.SourceField}) was not registered`)
  if (those.length > 1) findings.defect('registered-twice', at, `${name} was registered ${those.length} times`)
  if (String(entry.source_measurement_id) !== String(own.id))
    findings.defect(
      'not-registered',
      at,
      `${name} has the id ${JSON.stringify(entry.source_measurement_id ?? null)}, and got ${own.id}`,
    )
  if (own.type.toLowerCase() !== entry.DataType.toLowerCase())
    findings.defect(
      'wrong-body',
      at,
      `${name} is ${entry.DataType} in the map, and was registered as ${own.type}`,
      '3.3',
    )
}

function readRegistration({ path, text, answer }: EdgeCall): Registration[] {
  const body = text === null ? null : tryJson(text)
  const id = idOf(answer)
  if (path !== '/source-measurement' || !isRecord(body) || id === null) return []
  const parent = body.parent_measurement_id ?? null
  return [
    {
      type: String(body.type),
      name: String(body.measurement_name),
      parent: parent === null ? null : Number(parent),
      id,
    },
  ]
}

function idOf({ status, body }: EdgeAnswer): number | null {
  return status === 201 && isRecord(body) ? Number(body.id) : null
}
