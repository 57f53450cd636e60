import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { root } from '../../deploy/local/config.ts'

/** A counter grows, a level goes up and down. Times in ms since 1970. */
export type Series = {
  family: string
  company: string
  name: string
  kind: 'counter' | 'level'
  times: number[]
  values: number[]
  /** Of a made series with a season: the same values without it. */
  plain?: number[]
}

export const dataFolder = join(root, '../shared/data')
const file = join(dataFolder, 'github-history.ndjson.gz')
const fewest = 60

/**
 * The numbers of the given companies that have at least 60 values: totals, and per repository stars, forks and open
 * issues (watchers are the stars again). Null without the file.
 */
export function readGithubSeries(): Series[] | null {
  if (!existsSync(file)) return null
  type Numbers = Record<string, unknown>
  type Line = { observed_on: string; company: string; raw_data: Numbers & { repos: (Numbers & { name: string })[] } }
  const all = new Map<string, Series>()
  const add = (company: string, item: string, field: string, time: number, value: unknown) => {
    if (typeof value !== 'number' || field.includes('watchers')) return
    const name = `${item}/${field}`
    const kind = field.includes('issues') ? 'level' : 'counter'
    const key = `${company}/${name}`
    const one = all.get(key) ?? { family: 'github', company, name, kind, times: [], values: [] }
    all.set(key, one)
    one.times.push(time)
    one.values.push(value)
  }
  for (const text of gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n')) {
    const { observed_on, company, raw_data } = JSON.parse(text) as Line
    const time = Date.parse(observed_on)
    for (const [field, value] of Object.entries(raw_data)) add(company, '', field, time, value)
    for (const repo of raw_data.repos)
      for (const [field, value] of Object.entries(repo)) add(company, repo.name, field, time, value)
  }
  return [...all.values()].filter(({ values }) => values.length >= fewest)
}
