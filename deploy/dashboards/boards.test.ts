import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findTool } from '../helm/tools.ts'
import { root } from '../local/config.ts'
import { listShippedQueries } from './shipped.ts'

const queries = listShippedQueries('5m').map(({ board, panel, expr }) => ({ panel: `${board}: ${panel}`, expr }))

/** Metrics with their labels, as the page has them, which is made from the code. */
const metrics = new Map(
  [
    ...readFileSync(join(root, 'docs/metrics.md'), 'utf8').matchAll(/^\| `(parma_\w+)` \|[^|]*\|[^|]*\|([^|]*)\|/gm),
  ].map(([, name = '', labels = '']) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)]),
)

/** Labels of all metrics, which the PodMonitor sets, and of histograms. */
const everywhere = ['namespace', 'service', 'pod', 'le']

test('Prometheus understands every query', () => {
  expect(queries.length).toBeGreaterThan(100)
  const dir = mkdtempSync(join(tmpdir(), 'parma-boards-'))
  const rules = queries.map(({ expr }, index) => ({ record: `panel:${index}`, expr }))
  writeFileSync(join(dir, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'panels', rules }] }))
  const said = execFileSync(findTool('promtool'), ['check', 'rules', join(dir, 'rules.yaml')], { encoding: 'utf8' })
  rmSync(dir, { recursive: true })
  expect(said).toContain(`${queries.length} rules found`)
})

test('every query asks for metrics and labels that there are', () => {
  const faults = queries.flatMap(({ panel, expr }) => {
    const named = [...expr.matchAll(/\bparma_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))
    const known = new Set([...everywhere, ...named.flatMap((name) => metrics.get(name) ?? [])])
    const asked = [...expr.matchAll(/(?:by|ignoring) \(([^)]*)\)|[{,](\w+)(?==|!)/g)].flatMap(([, by, one]) =>
      (by ?? one ?? '').split(/,\s*/).filter(Boolean),
    )
    return [
      ...named.filter((name) => !metrics.has(name)).map((name) => `${panel}: no metric ${name}`),
      ...asked.filter((label) => !known.has(label)).map((label) => `${panel}: no label ${label}`),
    ]
  })
  expect(faults).toEqual([])
})

test('every metric of every query is of the namespace that was chosen', () => {
  const bare = /\b(?:parma|process|nodejs)_\w+(?!\w|\{namespace=~"\.\*")/
  expect(queries.filter(({ expr }) => bare.test(expr))).toEqual([])
})

test('no query hides that there is nothing', () => {
  expect(queries.filter(({ expr }) => /\bor\b|vector\(/.test(expr))).toEqual([])
})
