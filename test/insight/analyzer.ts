// `make insight-analyzer`: what a reader would be told of the given companies' payloads by the analyzer's defaults, and
// which changes put into the payloads are told. Items, texts and totals count, unlike in `make insight`.
import { type History, type Payload, type RawData, readHistory } from '../harness/github.ts'
import { judgeHistory, type JudgedNews } from '../harness/judge-history.ts'
import { kinds, makeCases, type Case, type Kind } from './inject.ts'
import { isTotal } from './learn.ts'
import { seeded, type Random } from './random.ts'
import { readGithubSeries } from './series.ts'

/** Fixed before the first run. Changes of numbers, and of items and texts, are put into payloads of their own. */
const numberSeeds = [11, 12, 13]
const itemSeeds = [21, 22, 23]
/** About one in this many numbers is changed, so that changes of one company do not hide each other. */
const share = 0.2
/** Changes of items and texts in a company, one of each kind. */
const month = 30.4375 * 86_400_000
const most = 0.4
const leastNumbers = 0.85
const leastItems = 0.95

type Repo = RawData & { name: string; html_url: string }
/** `items`: keys that a news item must have or name, at one of these times. */
type Put = { what: string; company: number; item: string; times: number[]; isTold: (news: JudgedNews) => boolean }

function measure(given: History): void {
  const natural = tell(given)
  const months = countMonths(given.payloads)
  console.log(
    `Given companies, unchanged: ${natural.length} news items, ${format(natural.length / months)} a company and month\n`,
  )
  for (const [kind, some] of [...Map.groupBy(natural, kindOf)].sort(([a], [b]) => a.localeCompare(b)))
    console.log(`${kind.padEnd(52)}${String(some.length).padStart(6)}${format(some.length / months).padStart(8)}`)
  const numbers = numberSeeds.flatMap((seed) => check(given, putNumbers(given, seed)))
  print('\nChanges of numbers', numbers)
  for (const kind of kinds)
    print(
      `  ${kind}`,
      numbers.filter(({ what }) => what === kind),
    )
  const items = itemSeeds.flatMap((seed) => check(given, putItems(given, seeded(seed))))
  print('\nChanges of items and texts', items)
  for (const what of new Set(items.map((one) => one.what)))
    print(
      `  ${what}`,
      items.filter((one) => one.what === what),
    )
  if (natural.length / months > most || shareOf(numbers) < leastNumbers || shareOf(items) < leastItems)
    process.exitCode = 1
}

const tell = (one: History) => judgeHistory(one).filter(({ silent }) => !silent)
const kindOf = ({ kind, rule_id, path, measurement }: JudgedNews) =>
  `${kind} ${rule_id ?? ''} ${path.endsWith('[]') ? path : measurement}`

function check(given: History, { payloads, put }: { payloads: Payload[]; put: Put[] }) {
  const told = Map.groupBy(tell({ ...given, payloads }), ({ company_id }) => company_id)
  return put.map(({ what, company, times, isTold }) => ({
    what,
    isTold: (told.get(company) ?? []).some((news) => times.includes(news.observed_at) && isTold(news)),
  }))
}

const shareOf = (some: readonly { isTold: boolean }[]) => some.filter(({ isTold }) => isTold).length / some.length
const format = (number: number) => number.toFixed(2)

function print(what: string, some: readonly { isTold: boolean }[]): void {
  if (some.length > 0) console.log(`${what.padEnd(52)}${(100 * shareOf(some)).toFixed(1)} % of ${some.length} told`)
}

function countMonths(payloads: readonly Payload[]): number {
  const of = Map.groupBy(payloads, ({ company }) => company)
  return [...of.values()].reduce((sum, own) => {
    const times = own.map(timeOf)
    return sum + (Math.max(...times) - Math.min(...times)) / month
  }, 0)
}

const timeOf = ({ observedAt }: Payload) => Date.parse(observedAt!)
const reposOf = ({ rawData }: Payload) => rawData['repos'] as Repo[]

/** The payloads again, each company's in order of time, so that they can be altered. */
function copy({ payloads }: History): { payloads: Payload[]; own: Map<number, Payload[]> } {
  const copied = structuredClone(payloads)
  return { payloads: copied, own: Map.groupBy(copied, ({ company }) => company) }
}

/** Numbers of repositories change as in `make insight`, and with them watchers and totals. */
function putNumbers(given: History, seed: number) {
  const { payloads, own } = copy(given)
  const companies = new Map([...own].map(([company, [first]]) => [first!.rawData['name'], company]))
  const cases = makeCases(
    series!.filter(({ name }) => !isTotal(name)),
    seeded(seed),
    share,
  )
  const put = cases.flatMap((one): Put[] => {
    const { change, times } = one
    const company = companies.get(one.series.company)
    if (!change || company === undefined) return []
    const [repo, field] = one.series.name.split('/') as [string, string]
    const altered = new Map(times.map((time, i) => [time, one.values[i]!] as const).slice(change.at))
    let item = ''
    for (const payload of own.get(company)!) {
      const found = reposOf(payload).find(({ name }) => name === repo)
      const value = altered.get(timeOf(payload))
      if (!found || value === undefined) continue
      found[field] = value
      if (field === 'stars') found['watchers_count'] = value
      item = found.html_url
    }
    return [
      {
        what: change.kind satisfies Kind,
        company,
        item,
        times: timesAround(one),
        isTold: tellsNumber(item, repo, field),
      },
    ]
  })
  for (const payload of payloads) addTotals(payload)
  return { payloads, put }
}

function timesAround({ times, change }: Case): number[] {
  return times.slice(change!.at, change!.at + 3)
}

const measurements: Record<string, RegExp> = {
  stars: /stars|watchers/,
  forks: /forks/,
  open_issues_count: /open issues/,
}

/** Whether a news item is about the number, or names it among those that moved alike. */
function tellsNumber(item: string, repo: string, field: string): Put['isTold'] {
  const named = measurements[field]!
  return ({ kind, item_key, measurement, facts }) =>
    kind === 'threshold' &&
    ((item_key === item && (named.test(measurement) || named.test(facts['also_measurements'] ?? ''))) ||
      (named.test(measurement) && (facts['also_measurements'] ?? '').includes(`of ${repo}`)))
}

function addTotals(payload: Payload): void {
  const fields = ['stars', 'forks', 'open_issues_count', 'watchers_count']
  for (const field of fields) {
    const total = reposOf(payload).reduce((sum, repo) => sum + Number(repo[field] ?? 0), 0)
    payload.rawData[`aggregated_sum_${field}`] = total
  }
}

/** In each company, in weeks drawn at random: an item is new, one is gone, a description and a text are others. */
function putItems(given: History, random: Random) {
  const { payloads, own } = copy(given)
  const put = [...own].flatMap(([company, weeks]): Put[] => [
    addItem(company, weeks, random),
    removeItem(company, weeks, random),
    changeText(company, weeks, random),
  ])
  for (const payload of payloads) addTotals(payload)
  return { payloads, put }
}

const quietWeeks = 20
function draw(weeks: readonly Payload[], random: Random) {
  const week = quietWeeks + random.below(weeks.length - quietWeeks - 4)
  return { week, at: timeOf(weeks[week]!), times: weeks.slice(week, week + 3).map(timeOf) }
}

/** A small repository that stays. */
function addItem(company: number, weeks: readonly Payload[], random: Random): Put {
  const { week, times } = draw(weeks, random)
  const item = `https://github.com/org-${company}/made-anew`
  for (const [i, payload] of weeks.slice(week).entries())
    reposOf(payload).push({
      ...reposOf(payload)[0]!,
      ...{
        name: 'made-anew',
        html_url: item,
        description: 'A new thing',
        stars: 300 + 5 * i,
        watchers_count: 300 + 5 * i,
      },
      ...{ forks: 20 + Math.floor(i / 3), open_issues_count: 7 },
    })
  const isTold: Put['isTold'] = ({ kind, current }) => kind === 'appeared' && (current ?? '').includes('made-anew')
  return { what: 'an item is new', company, item, times, isTold }
}

/** A repository that was in most of the payloads before is gone. */
function removeItem(company: number, weeks: readonly Payload[], random: Random): Put {
  const { week, times } = draw(weeks, random)
  const before = weeks.slice(0, week).flatMap(reposOf)
  const known = reposOf(weeks[week - 1]!).filter(
    ({ html_url, name }) =>
      name !== 'made-anew' && before.filter((one) => one.html_url === html_url).length > 0.6 * week,
  )
  const gone = known.length > 0 ? random.pick(known) : reposOf(weeks[week - 1]!)[0]!
  for (const payload of weeks.slice(week))
    payload.rawData['repos'] = reposOf(payload).filter(({ html_url }) => html_url !== gone.html_url)
  const isTold: Put['isTold'] = ({ kind, previous }) => kind === 'gone' && (previous ?? '').includes(gone.name)
  return { what: 'an item is gone', company, item: gone.html_url, times, isTold }
}

function changeText(company: number, weeks: readonly Payload[], random: Random): Put {
  const { week, times } = draw(weeks, random)
  const known = reposOf(weeks[week]!).filter(({ html_url }) =>
    reposOf(weeks[week - 1]!).some((one) => one.html_url === html_url && one.name !== 'made-anew'),
  )
  const { html_url } = known.length > 0 ? random.pick(known) : reposOf(weeks[week]!)[0]!
  for (const payload of weeks.slice(week))
    for (const repo of reposOf(payload)) if (repo.html_url === html_url) repo['description'] = 'Payroll for dentists'
  const isTold: Put['isTold'] = ({ kind, item_key }) => kind === 'changed' && item_key === html_url
  return { what: 'a description is another one', company, item: html_url, times, isTold }
}

const series = readGithubSeries()
const history = readHistory(Infinity, Infinity)
if (history === null || series === null) console.log('Skipped: the given companies are not there.')
else measure(history)
