import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { generateHistory, type History, historyFile, type Payload, type RawData, readHistory } from './github.ts'
import { judgeHistory, type JudgedNews } from './judge-history.ts'

type Repo = RawData & { html_url: string; stars: number; forks: number }
const reposOf = (payload: Payload) => payload.rawData['repos'] as Repo[]

/**
 * A change made to the payloads of one company. `week` counts the company's payloads. `repo` is a repository that is in all
 * of them. `random` gives 0 to 1.
 */
type Change = {
  what: string
  apply(week: number, repos: Repo[], repo: Repo, random: () => number): void
  /** The expected news items, and those that may not appear; null: none. `week` counts from `start`. */
  expected: { kind: string; measurement: string | null; week: number } | null
}

/** The week of the change, with a year before and after it. */
const start = 61
const since = (week: number, act: () => void) => week >= start && act()

// Written before the first run. Weeks may differ by one.
const changes: Change[] = [
  {
    what: 'stars double',
    apply: (week, _repos, repo) => since(week, () => (repo.stars *= 2)),
    expected: { kind: 'threshold', measurement: 'repository stars', week: 0 },
  },
  {
    what: 'forks halve',
    apply: (week, _repos, repo) => since(week, () => (repo.forks = Math.round(repo.forks / 2))),
    expected: { kind: 'threshold', measurement: 'repository forks', week: 0 },
  },
  {
    what: 'stars drop to zero',
    apply: (week, _repos, repo) => since(week, () => (repo.stars = 0)),
    expected: { kind: 'threshold', measurement: 'repository stars', week: 0 },
  },
  {
    what: 'a repository vanishes',
    apply: (week, repos, repo) => since(week, () => repos.splice(repos.indexOf(repo), 1)),
    expected: { kind: 'gone', measurement: null, week: 1 },
  },
  {
    what: 'a repository is new',
    apply: (week, repos, repo) =>
      since(week, () =>
        repos.push({ ...repo, name: 'brand-new', html_url: 'https://github.com/org/brand-new', stars: 7 }),
      ),
    expected: { kind: 'appeared', measurement: null, week: 0 },
  },
  {
    what: 'a description is another one',
    apply: (week, _repos, repo) => (repo['description'] = week < start ? 'A parser for JSON' : 'A parser for YAML'),
    expected: { kind: 'changed', measurement: 'repository description', week: 0 },
  },
  {
    what: 'a topic goes and one comes',
    apply: (week, _repos, repo) => (repo['topics'] = week < start ? ['cli', 'json'] : ['json', 'yaml']),
    expected: { kind: 'changed', measurement: 'repository topics', week: 0 },
  },
  {
    what: 'stars that stood still climb by 5 % a week',
    apply: (week, _repos, repo) => (repo.stars = Math.round(5000 * 1.05 ** Math.max(0, Math.min(20, week - start)))),
    expected: { kind: 'threshold', measurement: 'repository stars', week: 1 },
  },
  {
    what: 'stars are noisy',
    apply: (_week, _repos, repo, random) => (repo.stars = Math.round(5000 * (0.9 + 0.2 * random()))),
    expected: null,
  },
  {
    what: 'a few issues come and go, and the list is in another order each week',
    apply: (_week, repos, repo, random) => {
      repo['open_issues_count'] = 3 + Math.floor(4 * random())
      repos.sort(() => random() - 0.5)
    },
    expected: null,
  },
]

/**
 * The same numbers in each run: https://en.wikipedia.org/wiki/Linear_congruential_generator, as in Numerical Recipes.
 */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const weeks = 2 * start
const real = readHistory(100, weeks)
if (real === null) console.log(`${historyFile} or its map is not here: changes are put into a generated history`)
const history = real ?? generateWeekly()
const repositories = history.map.Mappings.find(({ SourceField }) => SourceField === 'repos')
repositories?.NestedMappings?.push({ SourceField: 'topics', DataType: 'text', MeasurementName: 'repository topics' })

function generateWeekly(): History {
  const { map, payloads } = generateHistory(changes.length, weeks)
  const at = (index: number) => new Date(Date.UTC(2024, 0, 1 + 7 * Math.floor(index / changes.length))).toISOString()
  return { map, payloads: payloads.map((payload, index) => ({ ...payload, observedAt: at(index) })) }
}

/** Each change in a company of its own, in a repository that is there all the time. */
const places = [...Map.groupBy(history.payloads, ({ company }) => company)]
  .flatMap(([company, payloads]) => {
    const always = reposOf(payloads[0]!).find(
      ({ html_url, forks }) =>
        forks > 50 && payloads.every((one) => reposOf(one).some((repo) => repo.html_url === html_url)),
    )
    return payloads.length === weeks && always ? [{ company, item: always.html_url }] : []
  })
  .slice(0, changes.length)
  .map((place, index) => ({ ...place, change: changes[index]! }))

function putIn(payloads: readonly Payload[]): Payload[] {
  const random = createRandom(1)
  const changed = structuredClone(payloads) as Payload[]
  for (const { company, item, change } of places)
    for (const [week, payload] of changed.filter((one) => one.company === company).entries())
      change.apply(
        week,
        reposOf(payload),
        reposOf(payload).find(({ html_url }) => html_url === item)!,
        random,
      )
  return changed
}

type Listed = [week: number, news: string, measurement: string]

/** News of a company by week, each as `kind measurement item`. */
function listNews(news: readonly JudgedNews[], company: number): Listed[] {
  const times = [...new Set(history.payloads.map(({ observedAt }) => Date.parse(observedAt ?? '')))].sort(
    (a, b) => a - b,
  )
  return news
    .filter(({ company_id }) => company_id === company)
    .map(({ kind, measurement, path, item_key, observed_at }) => [
      times.indexOf(observed_at) - start,
      `${kind} ${path.endsWith('[]') ? path : measurement} ${item_key}`,
      measurement,
    ])
}

/** Whether a news item of the week named the measurement, because it changed alike. */
function wasNamed(before: readonly JudgedNews[], company: number, [week, , measurement]: Listed): boolean {
  const weekOf = (one: JudgedNews) => listNews([one], company)[0]?.[0]
  return before.some((one) => weekOf(one) === week && one.message.toLowerCase().includes(measurement.toLowerCase()))
}

describe('changes in the history of the github module, with the default settings', () => {
  let before: JudgedNews[]
  let after: JudgedNews[]
  beforeAll(() => {
    before = judgeHistory(history)
    after = judgeHistory({ ...history, payloads: putIn(history.payloads) })
  })

  test('there is a place for each', () => {
    expect(places).toHaveLength(changes.length)
  })

  test('every title names the company, the item and the measurement', () => {
    for (const { title, kind, path, item_key, measurement, facts } of [...before, ...after]) {
      const about = facts['item_label'] ?? (item_key === null ? '' : facts['items']!)
      expect(title.split(': ')[0]!.toLowerCase()).toContain(facts['company_name']!.toLowerCase())
      expect(title).toContain(about)
      expect(title).toContain(
        kind === 'appeared' || kind === 'gone' ? 'repos' : measurement.replace(/^repository /, ''),
      )
      expect(path).not.toBe('')
    }
  })

  test.each(places)('$change.what', ({ company, item, change: { expected } }) => {
    const known = listNews(before, company).map(String)
    const more = listNews(after, company).filter((one) => !known.includes(String(one)))
    // A total that no longer goes with its item stands for itself.
    if (expected === null) return expect(more.filter((one) => !wasNamed(before, company, one))).toEqual([])
    const { kind, measurement, week } = expected
    const key = measurement === null && kind === 'appeared' ? 'https://github.com/org/brand-new' : item
    const close = more.filter(([at]) => Math.abs(at - week) <= 1)
    expect(close.map(([, news]) => news)).toEqual([`${kind} ${measurement ?? 'repos[]'} ${key}`])
  })
})

test('two alternating payloads of one company of the github module are not news', () => {
  const file = join(root, '../shared/data/modules/github.json')
  if (!existsSync(file)) {
    console.log(`${file} is not here: the two payloads of a company are not judged in turns`)
    return expect(real).toBe(null)
  }
  type Facts = { map: History['map']; feed_company_ids: string[]; payloads: RawData[] }
  const facts = JSON.parse(readFileSync(file, 'utf8')) as Facts
  const own = facts.payloads.filter((_, index) => facts.feed_company_ids[index] === '1')
  expect(own).toHaveLength(2)
  const payloads = Array.from({ length: 10 }, (_, run) =>
    own.map((rawData): Payload => {
      return { company: 1, rawData, observedAt: new Date(Date.UTC(2026, 0, 1 + run)).toISOString() }
    }),
  ).flat()
  expect(judgeHistory({ map: facts.map, payloads })).toEqual([])
})
