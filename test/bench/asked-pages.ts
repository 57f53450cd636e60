import type pg from 'pg'
import { runParma } from '../../deploy/local/parma.ts'
import { openCookieBrowser } from '../harness/edge/cookie-browser.ts'

/** A page: what it is, and its address in each call, which asks for no company twice while there are others. */
export type AskedPage = { what: string; pathOf(call: number): string }

export const pastDays = [7, 30, 90, 180, 365] as const
export const newsSince = ['visit', 'day', 'month', 'year'] as const
export const pick = <T>(all: readonly T[], call: number) => all[call % all.length]!

/** The pages that a person who follows these companies opens. `windows`: days over which growth is asked for. */
export async function listPersonPages(
  pool: pg.Pool,
  companies: readonly number[],
  windows: readonly number[] = pastDays,
): Promise<AskedPage[]> {
  const { rows } = await pool.query<{ news: string; series: number }>(
    `SELECT DISTINCT ON (company_id) news_id AS news, company_measurement_id AS series FROM analyzer.news
     WHERE item_key IS NULL ORDER BY company_id, news_id`,
  )
  const sorts = ['name', 'momentum']
  return [
    { what: 'page News', pathOf: (call) => `/console?since=${pick(newsSince, call)}` },
    {
      what: 'page Watchlist',
      pathOf: (call) =>
        `/console/watchlist?days=${pick(windows, call)}&sort=${pick(sorts, Math.floor(call / windows.length))}`,
    },
    { what: 'page Company', pathOf: (call) => `/console/companies/${pick(companies, call * 7)}` },
    { what: 'page Series', pathOf: (call) => `/console/series/${pick(rows, call * 7).series}` },
    { what: 'page Why', pathOf: (call) => `/console/why/${pick(rows, call * 7).news}` },
    { what: 'My page', pathOf: (call) => `/console/me?q=${call}` },
  ]
}

/** The `Cookie` header of a person, who signs in with a link. */
export async function signInPerson(env: NodeJS.ProcessEnv, origin: string, person: number): Promise<string> {
  const { link } = JSON.parse(await runParma(env, 'people', 'link', String(person), '--json')) as { link: string }
  const { cookies, open } = openCookieBrowser(origin)
  const { pathname, search } = new URL(link)
  await open(pathname + search, { form: {} })
  if (cookies.size === 0) throw new Error('the sign-in link does not work')
  return [...cookies].map((pair) => pair.join('=')).join('; ')
}
