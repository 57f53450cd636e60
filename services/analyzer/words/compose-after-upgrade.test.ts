import { expect, test } from 'vitest'
import { before, newsAfter, valuesAfter } from '../../../test/harness/analyzer/before.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { composeNews } from './compose-news.ts'
import { judgePayloads, type Memory } from '../judge/judge-payloads.ts'
import { type Payload, subjectKey } from '../values/payload.ts'

const criteria = {
  policy: { threshold: 25, steps: 5, types: new Set(['text', 'paragraph', 'bool']) },
  itemPolicy: { goneAfter: 2, maxItemNews: 3, maxGoneItems: 1000 },
  keptValues: 32,
  rules: compileRules([{ rule_id: 'rule/1', version: 1, definition: before.definition, bucketCompanies: [] }], 500),
}
const weekMs = 7 * 86_400_000

test('by states of before an upgrade only what is new is news, and the rules stay in force', () => {
  const payloads = valuesAfter.map((values, index): Payload => {
    return {
      ...{ event_id: '00000000-0000-0000-0000-000000000000', event_no: 1000 + index, data_source_id: 1 },
      ...{ source_name: 'site', company_id: '1', task_id: null, map_version: 1, replay_id: null, subject_key: '' },
      ...{
        observed_at: before.observed_at + (index + 1) * weekMs,
        history: false,
        refused: 0,
        empty_lists: [],
        values,
      },
    }
  })
  const memory: Memory = {
    states: new Map(before.series.map(({ key, state }) => [key.join('\0'), state])),
    subjects: new Map([[subjectKey(payloads[0]!), before.subject]]),
  }
  const { judged } = judgePayloads(payloads, criteria, memory)
  const news = judged.map(({ payload, found }) =>
    composeNews(payload, found, 'Acme').map(({ kind, rule_id, rule_version, current }) => {
      return { kind, rule_id, rule_version, current }
    }),
  )
  expect(news).toEqual([[], [], newsAfter])
})
