import { expect, test } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { applyTopics, checkOutEarlierVersion } from '../harness/earlier-version.ts'
import { createInstallation } from '../harness/installation.ts'
import { type Fed, normalizerBench } from '../harness/normalizer/setup.ts'
import { startService, type StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

/** The last version whose analyzer judged all numbers by a percentage. */
const percentCommit = '39ee32a1abf80ead49a2fde3abf9bf81ba4888b2'

const weekMs = 7 * 86_400_000
const weeks = 60
const companyCount = 6
const repoCount = 4
/** Of each company: the numbers of its repositories, and one outside of the list. */
const seriesOfCompany = 2 * repoCount + 1

const mappings = [
  { SourceField: 'stars', DataType: 'int', MeasurementName: 'organization stars' },
  {
    ...{ SourceField: 'repos', DataType: 'nested', MeasurementName: 'repositories' },
    NestedMappings: [
      { SourceField: 'name', DataType: 'text', MeasurementName: 'repository name' },
      { SourceField: 'html_url', DataType: 'link', MeasurementName: 'repository url' },
      { SourceField: 'stars', DataType: 'int', MeasurementName: 'repository stars' },
      { SourceField: 'forks', DataType: 'int', MeasurementName: 'repository forks' },
    ],
  },
]

type Repo = { name: string; html_url: string; stars: number; forks: number }
type Data = { stars: number; repos: Repo[] }

/** Numbers that grow by a percent a week of the first one, more or less. */
const grown = (base: number, week: number) => Math.round(base * (1 + 0.01 * week + 0.003 * Math.sin(2.4 * week)))

function repoOf(company: number, repo: number, week: number): Repo {
  const name = `repo-${repo}`
  const stars = grown(1000 * (repo + 2) + 97 * company, week)
  return {
    name,
    html_url: `https://github.example/org-${company}/${name}`,
    stars,
    forks: grown(100 * (repo + 1), week),
  }
}

function dataOf(company: number, week: number): Data {
  const repos = Array.from({ length: repoCount }, (_, repo) => repoOf(company, repo, week))
  return { stars: grown(700 + 53 * company, week), repos }
}

test('an analyzer with detectors takes over a year of an earlier one, which can take it back', async () => {
  const earlier = await checkOutEarlierVersion(percentCommit)
  const installation = await createInstallation()
  await applyTopics(installation, earlier)
  const { database, env } = installation
  const bench = normalizerBench(installation)

  let running: StartedService[] = []
  async function run(from: string): Promise<void> {
    // A service that crashed has another code.
    expect(await Promise.all(running.map((service) => service.stop()))).toEqual(running.map(() => 0))
    running = await Promise.all(['normalizer', 'analyzer'].map((name) => startService(name, env, from)))
  }

  await run(earlier)
  const source = await bench.addSource(mappings)
  const companies = await Promise.all(Array.from({ length: companyCount }, () => bench.addCompany()))
  const start = Date.now() - 70 * weekMs

  async function feed(payloads: Fed[]) {
    await bench.feed(payloads)
    const ids = payloads.map(({ event_id }) => event_id)
    await waitFor(
      `${payloads.length} payloads to be judged`,
      async () => {
        const rows = await database.query(
          `SELECT FROM analyzer.event_status WHERE event_id = ANY($1) AND stage = 'judged'`,
          [ids],
        )
        return rows.length === ids.length
      },
      240_000,
    )
    return database.query<{ title: string; kind: string; rule_id: string | null; reason: string | null }>(
      `SELECT title, kind, rule_id, facts ->> 'reason' AS reason FROM analyzer.news
       WHERE event_id = ANY($1) AND NOT silent ORDER BY event_no, group_index`,
      [ids],
    )
  }

  /** The payloads of a week, as they came in its time. */
  const payloadsOf = (week: number, change: (data: Data, company: number) => void = () => undefined) =>
    companies.map((id, company) => {
      const data = dataOf(company, week)
      change(data, company)
      const at = start + week * weekMs
      return bench.payload(source, id, data, { received_at: at, observed_at: at })
    })
  const judged = () =>
    database.query<{ state: string; points: number; series: number }>(
      `SELECT state, points, count(*)::int AS series FROM analyzer.series_view
       WHERE type = 'int' AND item_key IS DISTINCT FROM $1 GROUP BY 1, 2`,
      [newRepo.html_url],
    )
  const newRepo = repoOf(1, 7, weeks)
  const raised =
    (by: number, other = 0) =>
    (data: Data, company: number) => {
      if (company === 1) data.repos.push(newRepo)
      if (company === 2) data.repos[0]!.stars += by
      if (company === 3) data.repos[1]!.stars += other
    }

  await feed(Array.from({ length: weeks }, (_, week) => payloadsOf(week)).flat())

  await run(root)
  // A new repository is all that is new.
  expect(await feed(payloadsOf(weeks, raised(0)))).toMatchObject([{ kind: 'appeared' }])
  const all = companyCount * seriesOfCompany
  expect(await judged()).toEqual([{ state: 'judged', points: weeks + 1, series: all }])
  const outlier = (repo: string) => [
    {
      ...{ kind: 'threshold', rule_id: 'default/insight', title: expect.stringContaining(repo) },
      reason: expect.stringMatching(/ in 1[2-5] months$/),
    },
  ]
  expect(await feed(payloadsOf(weeks + 1, raised(700)))).toEqual(outlier('repo-0'))
  expect(await feed(payloadsOf(weeks + 2, raised(700)))).toEqual([])

  await run(earlier)
  expect(await feed(payloadsOf(weeks + 3, raised(700)))).toEqual([])
  expect(await feed(payloadsOf(weeks + 4, raised(5000)))).toMatchObject([{ rule_id: 'default/percent' }])
  expect(await feed(payloadsOf(weeks + 5, raised(5000)))).toEqual([])

  await run(root)
  expect(await feed(payloadsOf(weeks + 6, raised(5000)))).toEqual([])
  expect(await judged()).toEqual([{ state: 'judged', points: weeks + 7, series: all }])
  expect(await feed(payloadsOf(weeks + 7, raised(5000, 900)))).toEqual(outlier('repo-1'))
  expect(await Promise.all(running.map((service) => service.stop()))).toEqual([0, 0])
}, 600_000)
