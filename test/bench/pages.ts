import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { runParma } from '../../deploy/local/parma.ts'
import { openCookieBrowser } from '../harness/edge/cookie-browser.ts'
import { authorize, shakeHands, startLoad } from './feed-edge.ts'
import { type Facts, fund, largeBucket, newsItems, openFund } from './growth-facts.ts'
import type { Bench, Measure, Result } from './measure.ts'
import { runEdge } from './run-service.ts'
import { formatNumber } from './statistics.ts'
import { calls, timeCalls, toResult } from './time-calls.ts'

const source = 'bench-pages'
/** Payloads that arrive each second while pages are measured. */
const arriving = 200
/** Pages that are read each second while payloads are counted. */
const reading = 2
const intakeSeconds = 10
/** Longer than all calls of one page. */
const loadSeconds = 600
const pageKib = 200

/** A page: what it is, how long it may take (ms), and its address in each call, which asks for no company twice. */
type Asked = { what: string; below: number; pathOf(call: number): string }

/**
 * How long pages take while payloads arrive. Caches are cold: an edge starts for each page, each call asks for something
 * else, and Postgres holds a small part of the data in its own buffers. Then what an edge accepts while pages are read, as
 * a share of what it accepts alone.
 */
export const pages: Measure = async (bench) => {
  const facts = await openFund(bench)
  await shakeHands(bench, source, 10)
  const cookie = await signIn(bench, facts.ann)
  const authorization = await authorize(bench, source)
  const asked = await listPages(bench, facts)
  const results: Result[] = []
  const sizes: number[] = []
  for (const page of asked) {
    bench.say(`pages: ${page.what}`)
    const { timed, load } = await readWhilePayloadsArrive(bench, page, { cookie, authorization })
    const size = Math.max(...timed.map(({ text }) => Buffer.byteLength(text))) / 1024
    sizes.push(size)
    results.push(toResult(page.what, page.below, timed, `${formatNumber(size)} KiB, load ${load}`))
  }
  const what = `pages of ${fund.companies} companies, the largest`
  const detail = `of ${asked.length}, ${formatNumber(newsItems)} news items, ${arriving} payloads/s arrive`
  results.push({ what, value: Math.max(...sizes), unit: 'KiB', detail, below: pageKib })
  return [...results, await measureIntake(bench, asked, { cookie, authorization })]
}

type Credentials = { cookie: string; authorization: string }

/** The `Cookie` header of Ann. */
async function signIn({ env, serviceEnv }: Bench, ann: number): Promise<string> {
  const { link } = JSON.parse(await runParma(serviceEnv(), 'people', 'link', String(ann), '--json')) as { link: string }
  const { cookies, open } = openCookieBrowser(env().EDGE_URL ?? '')
  const { pathname, search } = new URL(link)
  await open(pathname + search, { form: {} })
  if (cookies.size === 0) throw new Error('the sign-in link does not work')
  return [...cookies].map((pair) => pair.join('=')).join('; ')
}

async function listPages({ serviceEnv }: Bench, facts: Facts): Promise<Asked[]> {
  const pool = new pg.Pool({ connectionString: serviceEnv()['DATABASE_URL'] })
  const { rows } = await pool.query<{ news: string; series: number }>(
    `SELECT DISTINCT ON (company_id) news_id AS news, company_measurement_id AS series FROM analyzer.news
     ORDER BY company_id, news_id`,
  )
  await pool.end()
  const days = [7, 30, 90, 180, 365]
  const pick = <T>(all: readonly T[], call: number) => all[call % all.length]!
  const since = ['visit', 'day', 'month', 'year']
  const one = (call: number) => rows[(call * 5) % rows.length]!
  return [
    ...[
      { what: 'page News', pathOf: (call: number) => `/console?since=${pick(since, call)}` },
      {
        what: 'page Watchlist',
        pathOf: (call: number) =>
          `/console/watchlist?days=${pick(days, call)}&sort=${pick(['name', 'momentum'], Math.floor(call / days.length))}`,
      },
      { what: 'page Company', pathOf: (call: number) => `/console/companies/${facts.companies[call * 5]}` },
      { what: 'page Series', pathOf: (call: number) => `/console/series/${one(call).series}` },
      { what: 'page Why', pathOf: (call: number) => `/console/why/${one(call).news}` },
      { what: 'My page', pathOf: (call: number) => `/console/me?q=${call}` },
    ].map((page) => ({ ...page, below: 150 })),
    {
      what: `Watchlist, bucket of ${formatNumber(largeBucket)}`,
      pathOf: (call) =>
        `/console/watchlist?of=${facts.largeBucket}&days=${pick(days, call)}&q=${Math.floor(call / 5) || ''}`,
      below: 300,
    },
    {
      what: `News, bucket of ${formatNumber(largeBucket)}`,
      pathOf: (call) => `/console?bucket=${facts.largeBucket}&since=${pick(since, call)}`,
      below: 300,
    },
  ]
}

async function readWhilePayloadsArrive(bench: Bench, { pathOf }: Asked, { cookie, authorization }: Credentials) {
  await using edge = await startEdge(bench)
  const running = await startLoad({ ...loadOn(edge.url, authorization), rate: arriving, seconds: loadSeconds })
  try {
    const timed = await timeCalls(edge.url, { cookie }, pathOf)
    return { timed, load: formatNumber(loadavg()[0]!) }
  } finally {
    await running.stop()
  }
}

const loadOn = (url: string, authorization: string) => ({ url: `${url}/feed-raw-data`, authorization, source })

/** An edge of its own, without a limit to how much one browser or source may ask for. */
function startEdge({ serviceEnv }: Bench) {
  return runEdge({ ...serviceEnv(), RATE_LIMIT_SESSION: '0', RATE_LIMIT_SOURCE: '0' })
}

/** What one edge accepts at most, alone and while pages are read: twice each, in turn. */
async function measureIntake(bench: Bench, asked: readonly Asked[], { cookie, authorization }: Credentials) {
  bench.say('pages: what the edge accepts while they are read')
  await using edge = await startEdge(bench)
  const accept = async (): Promise<number> => {
    const running = await startLoad({ ...loadOn(edge.url, authorization), rate: null, seconds: intakeSeconds })
    return (await running.end).accepted / intakeSeconds
  }
  const rates = { alone: 0, read: 0 }
  let read = 0
  for (let round = 0; round < 2; round++) {
    rates.alone += (await accept()) / 2
    const stop = new AbortController()
    const readers = readPages(edge.url, asked, cookie, stop.signal)
    rates.read += (await accept()) / 2
    stop.abort()
    read += await readers
  }
  const what = 'payloads accepted while pages are read'
  const detail = `${formatNumber(rates.read)} of ${formatNumber(rates.alone)} payloads/s, ${read} pages at ${reading}/s`
  return { what, value: (100 * rates.read) / rates.alone, unit: '%', detail, below: null, above: 90 }
}

/** Asks for pages at a steady rate, and returns how many were answered. */
async function readPages(url: string, asked: readonly Asked[], cookie: string, stopped: AbortSignal): Promise<number> {
  const answered: Promise<string>[] = []
  for (let call = 0; !stopped.aborted; call++) {
    const path = asked[call % asked.length]!.pathOf(Math.floor(call / asked.length) % calls)
    answered.push(fetch(`${url}${path}`, { headers: { cookie } }).then((page) => page.text()))
    await delay(1000 / reading, undefined, { signal: stopped }).catch(() => undefined)
  }
  return (await Promise.all(answered)).length
}
