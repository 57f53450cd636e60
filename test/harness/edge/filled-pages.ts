import { expect } from 'vitest'
import { formatNumber } from '../../../services/runtime/text/format.ts'
import { readMarkup } from '../markup.ts'
import type { CookieBrowser } from './cookie-browser.ts'

type Query = <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>
type Newest = { series: string; value: number | null }

/** The newest number of every series, null where its values are none, by the id that pages have for it, from the normalizer's own table. */
async function readNewest(query: Query): Promise<Map<string, number | null>> {
  const rows = await query<Newest>(`
    SELECT DISTINCT ON (v.company_measurement_id, v.subject_key, v.item_key)
      v.company_measurement_id || CASE WHEN v.subject_key = '' AND v.item_key IS NULL THEN ''
        ELSE '-' || md5(v.subject_key || E'\\n' || coalesce(v.item_key, '')) END AS series,
      v.number AS value
    FROM normalizer.value v
    ORDER BY v.company_measurement_id, v.subject_key, v.item_key, v.observed_at DESC, v.event_no DESC`)
  return new Map(rows.map(({ series, value }) => [series, value]))
}

const seriesPath = /^\/console\/series\/([^/?#]+)$/

/** The links of a page to series, with what they say. */
function seriesLinks(text: string): { id: string; says: string }[] {
  return readMarkup(text).flatMap(({ name, attributes, text: says }) => {
    const [, id] = seriesPath.exec((name === 'a' && attributes['href']) || '') ?? []
    return id === undefined ? [] : [{ id, says }]
  })
}

/**
 * Watchlist, company and series pages show what is stored: all companies, newest values that equal the database's, charts.
 * `browser` is signed in as somebody who may see all `companies`.
 */
export async function expectFilledPages(browser: CookieBrowser, query: Query, companies: number): Promise<void> {
  const open = async (path: string) => {
    const { status, text } = await browser.open(path)
    expect([path, status]).toEqual([path, 200])
    return text
  }
  const newest = await readNewest(query)
  const watchlist = await open('/console/watchlist')
  const names = readMarkup(watchlist).flatMap(
    ({ attributes: { href } }) => /^\/console\/companies\/\d+$/.exec(href ?? '') ?? [],
  )
  expect(names).toHaveLength(companies)
  const shown = seriesLinks(watchlist)
  expect(shown.length).toBeGreaterThanOrEqual(companies)
  for (const { id, says } of shown) expect([id, says]).toEqual([id, formatNumber(newest.get(id) ?? NaN)])

  const company = await open(names[0]!)
  expect(company).toContain('<svg')
  expect(seriesLinks(company).length).toBeGreaterThan(0)
  expect(seriesLinks(company).filter(({ id }) => !newest.has(id))).toEqual([])

  const { id, says } = shown[0]!
  const series = await open(`/console/series/${id}?days=all`)
  expect(series).toContain('<svg')
  expect(readMarkup(series).find(({ attributes }) => attributes['class'] === 'lead')?.text).toBe(says)
}
