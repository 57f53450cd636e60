import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { root } from '../../deploy/local/config.ts'
import type { ModuleMap } from './module.ts'

type Entry = ModuleMap['Mappings'][number]
export type RawData = Record<string, unknown>
/** `company`: the index of its company. */
export type Payload = { company: number; rawData: RawData; observedAt?: string }

const folder = join(root, '../shared/data')
export const historyFile = join(folder, 'github-history.ndjson.gz')
const mapFile = join(folder, 'modules/github.json')

export type History = { map: ModuleMap; payloads: Payload[] }

/**
 * Real payloads of the github module with its map: the first `weeks` of the first `companies`, week by week. Null when
 * the file is missing.
 */
export function readHistory(companies: number, weeks: number): History | null {
  if (!existsSync(historyFile) || !existsSync(mapFile)) return null
  const { map } = JSON.parse(readFileSync(mapFile, 'utf8')) as { map: ModuleMap }
  const lines = gunzipSync(readFileSync(historyFile)).toString('utf8').trimEnd().split('\n')
  type Line = { observed_on: string; company: string; raw_data: RawData }
  const all = lines.map((line) => JSON.parse(line) as Line)
  const names = [...new Set(all.map(({ company }) => company))].slice(0, companies)
  const days = [...new Set(all.map(({ observed_on }) => observed_on))].sort().slice(0, weeks)
  const payloads = all
    .filter(({ company, observed_on }) => names.includes(company) && days.includes(observed_on))
    .sort((a, b) => a.observed_on.localeCompare(b.observed_on))
    .map(({ company, observed_on, raw_data }) => ({
      company: names.indexOf(company),
      rawData: raw_data,
      observedAt: `${observed_on}T00:00:00Z`,
    }))
  return { map, payloads }
}

const repositoryMap: Entry[] = [
  { SourceField: 'name', DataType: 'text', MeasurementName: 'repository name' },
  { SourceField: 'html_url', DataType: 'link', MeasurementName: 'repository html url' },
  { SourceField: 'description', DataType: 'paragraph', MeasurementName: 'repository description' },
  { SourceField: 'pushed_at', DataType: 'date', MeasurementName: 'repository last pushed date' },
  { SourceField: 'stars', DataType: 'int', MeasurementName: 'repository stars' },
  { SourceField: 'forks', DataType: 'int', MeasurementName: 'repository forks' },
]
const generatedMap: ModuleMap = {
  Source: 'github',
  Mappings: [
    { SourceField: 'name', DataType: 'text', MeasurementName: 'company name' },
    { SourceField: 'url', DataType: 'link', MeasurementName: 'github url' },
    { SourceField: 'repos', DataType: 'nested', MeasurementName: 'repositories', NestedMappings: repositoryMap },
    { SourceField: 'aggregated_sum_stars', DataType: 'int', MeasurementName: 'organization stars' },
  ],
}

/**
 * Payloads like those of the github module, the same in each call. Repositories grow by a percent a week; in every
 * third week of a company one of them grows by a quarter, and another one has a new description.
 */
export function generateHistory(companies: number, weeks: number): History {
  const payloads = Array.from({ length: companies * weeks }, (_, index) =>
    generatePayload(index % companies, Math.floor(index / companies)),
  )
  return { map: generatedMap, payloads }
}

function generatePayload(company: number, week: number): Payload {
  const url = `https://github.example/org-${company}`
  const repos = Array.from({ length: 4 }, (_, repo) => {
    const jumps = Math.floor((week + 9 - 3 * (repo % 3)) / 9)
    const stars = Math.round((1000 + 100 * repo) * 1.01 ** week * 1.25 ** jumps)
    const description = repo === 3 ? `Tools, ${Math.floor(week / 3)}th edition` : 'Ünïcode ✓'
    const pushed_at = new Date(Date.UTC(2024, 0, 1 + 7 * week, repo)).toISOString().replace('T', ' ')
    return { name: `repo-${repo}`, html_url: `${url}/repo-${repo}`, description, pushed_at, stars, forks: 50 * repo }
  })
  const aggregated_sum_stars = repos.reduce((sum, { stars }) => sum + stars, 0)
  return { company, rawData: { name: `org-${company}`, url, repos, aggregated_sum_stars } }
}

type Leaf = { type: string; measurement: string; item: string; value: unknown }

/** The values that a map finds in a payload. It looks up path by path, unlike the normalizer, to check that one. */
function listLeaves({ Mappings }: ModuleMap, rawData: RawData): Leaf[] {
  const walk = (entries: Entry[], data: RawData, item: string): Leaf[] =>
    entries.flatMap(({ SourceField, DataType, MeasurementName, NestedMappings = [] }): Leaf[] => {
      const value = data[SourceField]
      if (value === undefined || value === null) return []
      if (DataType !== 'nested') return [{ type: DataType, measurement: MeasurementName, item, value }]
      const items = (Array.isArray(value) ? value : [value]) as RawData[]
      return items.flatMap((one) => walk(NestedMappings, one, String(one.html_url)))
    })
  return walk(Mappings, rawData, '')
}

/** How many values of each type these payloads hold. */
export function countValues({ map, payloads }: History): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { rawData } of payloads)
    for (const { type } of listLeaves(map, rawData)) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/**
 * The default news items of these payloads (numbers that change by 25 % or more, of which those of items that move the
 * same way are one, and changed texts), and in how many payloads they are.
 */
export function countNews({ map, payloads }: History): { news: number; payloads: number } {
  const last = new Map<string, unknown>()
  const told = payloads.map(({ company, rawData }) => {
    const fired = listLeaves(map, rawData).flatMap(({ type, measurement, item, value }) => {
      const series = JSON.stringify([company, measurement, item])
      const before = last.get(series)
      last.set(series, value)
      if (before === undefined || type === 'date' || type === 'link' || value === before) return []
      if (typeof value !== 'number') return [series]
      const rise = value - Number(before)
      const isOne = item === '' ? series : `${measurement} of items ${Math.sign(rise)}`
      return Math.abs(rise) >= 0.25 * Math.abs(Number(before)) ? [isOne] : []
    })
    return new Set(fired).size
  })
  return { news: told.reduce((sum, n) => sum + n, 0), payloads: told.filter((n) => n > 0).length }
}
