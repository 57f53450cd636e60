import { formatList } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { Findings } from './findings.ts'
import type { Read } from './read-payloads.ts'

const where = "the module's POST /feed-raw-data"

/** Judges the payloads of companies against each other: zeros in place of a failure, one content for two companies. */
export function compareCompanies(findings: Findings, payloads: readonly Read[]): void {
  const byCompany = Map.groupBy(payloads, ({ company }) => company)
  const empty = new Set([...byCompany].filter(([, those]) => those.every(isZero)).map(([company]) => company))
  const others = payloads.some((one) => !isZero(one))
  const failed = new Set(
    [...empty].filter((company) => others || !byCompany.get(company)!.some(({ hasTexts }) => hasTexts)),
  )
  for (const company of empty) {
    const message = `all numbers about company ${company} are 0 or null, as if it had failed`
    if (failed.has(company)) findings.defect('zeros', where, message)
    else if (byCompany.get(company)!.some(({ numbers }) => numbers.length > 1)) findings.advice('zeros', where, message)
  }
  const told = payloads.filter(({ company }) => !failed.has(company))
  for (const key of ['content', 'subject'] as const)
    for (const [text, those] of Map.groupBy(told, (one) => one[key])) {
      const companies = [...new Set(those.map(({ company }) => company))]
      const isNothing = text === '' || those.every(({ content }) => content === '{}')
      if (companies.length > 1 && !isNothing)
        findings.defect(
          'same-content',
          where,
          `companies ${formatList(companies, 3)} have one ${key}: ${excerpt(text, 60)}`,
        )
    }
}

/** It has numbers, and all are zero; or it has nothing, or nothing but nulls. */
function isZero({ numbers, hasTexts, content, description: { counts } }: Read): boolean {
  if (numbers.length > 0) return numbers.every(({ value }) => value === 0)
  if (content === '{}') return true
  return !hasTexts && counts.null > 0 && counts.unmapped === 0
}

/** Judges a second crawl by the first: the same things have the same keys. */
export function compareCrawls(findings: Findings, first: readonly Read[], second: readonly Read[]): void {
  const before = Map.groupBy(first, ({ company }) => company)
  for (const [company, those] of Map.groupBy(second, (one) => one.company)) {
    const earlier = before.get(company) ?? []
    const subjects = [earlier, those].map((some) => new Set(some.map(({ subject }) => subject).filter(Boolean)))
    if (areApart(subjects[0]!, subjects[1]!))
      findings.defect(
        'unstable-subject',
        where,
        `company ${company} is about ${name(subjects[0]!)}, and in the next crawl about ${name(subjects[1]!)}`,
      )
    judgeOrder(findings, earlier, those)
    const items = [earlier, those].map(itemsByList)
    for (const [path, keys] of items[1]!) {
      const known = items[0]!.get(path)
      if (known && areApart(known, keys))
        findings.defect(
          'unstable-items',
          `${where}, ${path}`,
          `items are ${name(known)}, and in the next crawl ${name(keys)}`,
        )
    }
  }
}

/** Items that nothing identifies are known by their place, so that must not change. */
function judgeOrder(findings: Findings, earlier: readonly Read[], those: readonly Read[]): void {
  for (const [path, items] of those.flatMap(({ unnamed }) => [...unnamed])) {
    const before = earlier.flatMap(({ unnamed }) => unnamed.get(path) ?? [])
    const isSame = JSON.stringify(before.toSorted()) === JSON.stringify(items.toSorted())
    if (isSame && JSON.stringify(before) !== JSON.stringify(items))
      findings.defect('unstable-items', `${where}, ${path}`, 'items come in another order, and nothing identifies them')
  }
}

/** Two crawls one after the other have most things in common. */
const leastShare = 0.5

function areApart(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  const least = Math.min(one.size, other.size)
  return least > 0 && [...one].filter((key) => other.has(key)).length < leastShare * least
}

function itemsByList(payloads: readonly Read[]): Map<string, Set<string>> {
  const lists = payloads.flatMap(({ description }) => description.lists)
  return new Map(
    [...Map.groupBy(lists, ({ path }) => path)].map(([path, those]) => [
      path,
      new Set(those.flatMap(({ items }) => items.map(({ key }) => key))),
    ]),
  )
}

function name(keys: ReadonlySet<string>): string {
  return formatList(
    [...keys].map((key) => excerpt(key, 40)),
    2,
  )
}

/** Judges what a module feeds for a name that does not exist: an error or nothing, never zeros or somebody else's data. */
export function compareUnknown(
  findings: Findings,
  company: string,
  first: readonly Read[],
  now: readonly Read[],
): void {
  const own = now.filter((one) => one.company === company)
  const hadNumbers = first.some((one) => one.company === company && !isZero(one))
  if (own.length > 0 && hadNumbers && own.every(isZero))
    findings.defect(
      'zeros',
      where,
      `for a name that does not exist, all numbers about company ${company} are 0 or null`,
    )
  const others = new Set(first.filter((one) => one.company !== company).map(({ content }) => content))
  if (own.some(({ content }) => content !== '{}' && others.has(content)))
    findings.defect(
      'same-content',
      where,
      `for a name that does not exist, company ${company} gets the content of another one`,
    )
}
