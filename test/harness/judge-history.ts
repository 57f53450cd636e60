import { parse, type Structure } from '#runtime/read/parse.ts'
import { type CompiledMap, compileMap } from '#runtime/understand/compile-map.ts'
import { type LearntList, knownLists, learn } from '#runtime/understand/learnt-lists.ts'
import { normalize, type Value } from '#runtime/understand/normalize.ts'
import { findSubject, type Subject } from '#runtime/understand/subject.ts'
import type { ObservedValue } from '../../schemas/generated/types.ts'
import { readConfig as readAnalyzerConfig } from '../../services/analyzer/config.ts'
import { judgePayloads, type Memory } from '../../services/analyzer/judge/judge-payloads.ts'
import { policiesOf } from '../../services/analyzer/judge/policies.ts'
import { openWeighing } from '../../services/analyzer/meaning/weigh-news.ts'
import { compileRules } from '../../services/analyzer/rules/compile-rules.ts'
import { composeNews, type NewsRow } from '../../services/analyzer/words/compose-news.ts'
import type { History, RawData } from './github.ts'
import type { ModuleMap } from './module.ts'

/** `measurement`: its name in the map. */
export type JudgedNews = NewsRow & { measurement: string }

// Only for the defaults: nothing listens at these addresses.
const addresses = {
  ...{ KAFKA_BROKERS: 'kafka.example:9092', SCHEMA_REGISTRY_URL: 'http://registry.example' },
  ...{ DATABASE_URL: 'postgres://postgres.example/parma', DEPLOYMENT_ENV: 'local' },
}
const config = readAnalyzerConfig(addresses)
const sourceId = 1

/**
 * The news items of these payloads with the default settings, payload by payload: what normalizer and analyzer compute,
 * without the servers between them. Each payload is observed at its own time, and none is history.
 */
export function judgeHistory({ map, payloads }: History): JudgedNews[] {
  const names = numberMeasurements(map)
  const compiled = compileMap(JSON.stringify(map))!
  const rules = compileRules([], config.MAX_WINDOW)
  const memory: Memory = { states: new Map(), subjects: new Map() }
  const read = createReader(compiled)
  const weighing = openWeighing(config)
  return payloads.flatMap(({ company, rawData, observedAt = '2026-01-01' }, index) => {
    const { subjectKey, values, empty } = read(company, rawData)
    const payload = {
      ...{ event_id: '00000000-0000-0000-0000-000000000000', event_no: index + 1, data_source_id: sourceId },
      ...{ source_name: map.Source, company_id: String(company), task_id: null, map_version: 1, replay_id: null },
      ...{ observed_at: Date.parse(observedAt), history: false, subject_key: subjectKey, refused: 0 },
      empty_lists: empty,
      values: values.map((value) => observedValue(value, company)),
    }
    const { judged } = judgePayloads([payload], { rules, ...policiesOf(config) }, memory)
    return composeNews(payload, judged[0]!.found, nameOf(rawData, company), weighing).map((row) => ({
      ...row,
      measurement: names.get(row.source_measurement_id) ?? '',
    }))
  })
}

/** As a person would name the company: modules send its name. */
function nameOf({ name }: RawData, company: number): string {
  return typeof name === 'string' && name !== '' ? name : `company ${company}`
}

/** What the normalizer reads of each payload, by what those before it taught. */
function createReader(map: CompiledMap) {
  const lists: LearntList[] = []
  const subjects = new Map<number, readonly Subject[]>()
  return (company: number, rawData: unknown) => {
    const { root } = parse(JSON.stringify(rawData), { MAX_LEAVES: 200_000, MAX_DEPTH: 100 })
    const data = root as Structure
    const { key, known } = findSubject(data, subjects.get(company) ?? [])
    subjects.set(company, known)
    const of = { company_id: String(company), subject_key: key }
    const { values, empty, lessons } = normalize(
      data,
      map,
      knownLists(lists, { ...of, storedBefore: () => null, learns: true }),
    )
    lists.push(...learn(lessons, of, lists.length + 1))
    return { subjectKey: key, values, empty }
  }
}

/** Gives the measurements of `map` the ids that a handshake would, and returns their names. */
function numberMeasurements({ Mappings }: ModuleMap): Map<number, string> {
  const names = new Map<number, string>()
  const number = (entries: ModuleMap['Mappings']) => {
    for (const entry of entries) {
      const id = names.size + 1
      names.set(id, entry.MeasurementName)
      Object.assign(entry, { source_measurement_id: id })
      number(entry.NestedMappings ?? [])
    }
  }
  number(Mappings)
  return names
}

function observedValue({ seq, path, item, entry, ...value }: Value, company: number): ObservedValue {
  return {
    ...{ seq, path, item_key: item?.key ?? null, item_label: item?.label ?? null },
    ...{ source_measurement_id: entry.id, company_measurement_id: company * 1000 + entry.id },
    ...{
      measurement_name: entry.name,
      type: entry.type,
      number: value.number,
      date: value.date,
      members: value.members,
    },
    text: value.members === null ? value.text : null,
  }
}
