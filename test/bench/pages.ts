import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type AskedPage, listPersonPages, newsSince, pastDays, pick, signInPerson } from './asked-pages.ts'
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

/** `below`: how long it may take, ms. */
type Asked = AskedPage & { below: number }

/**
 * How long pages take while payloads arrive. Caches are cold: an edge starts for each page, each call asks for something
 * else, and Postgres holds a small part of the data in its own buffers. Then what an edge accepts while pages are read, as
 * a share of what it accepts alone.
 */
export const pages: Measure = async (bench) => {
  const facts = await openFund(bench)
  await shakeHands(bench, source, 10)
  const cookie = await signInPerson(bench.serviceEnv(), bench.env().EDGE_URL ?? '', facts.ann)
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

async function listPages({ serviceEnv }: Bench, facts: Facts): Promise<Asked[]> {
  const pool = new pg.Pool({ connectionString: serviceEnv()['DATABASE_URL'] })
  const pages = await listPersonPages(pool, facts.companies).finally(() => pool.end())
  return [
    ...pages.map((page) => ({ ...page, below: 150 })),
    {
      what: `Watchlist, bucket of ${formatNumber(largeBucket)}`,
      pathOf: (call) =>
        `/console/watchlist?of=${facts.largeBucket}&days=${pick(pastDays, call)}&q=${Math.floor(call / 5) || ''}`,
      below: 300,
    },
    {
      what: `News, bucket of ${formatNumber(largeBucket)}`,
      pathOf: (call) => `/console?bucket=${facts.largeBucket}&since=${pick(newsSince, call)}`,
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
