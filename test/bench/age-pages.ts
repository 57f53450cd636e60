import { findFreePort } from '../../deploy/local/free-port.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { type Both, compare, inTurn } from './age-compare.ts'
import type { Aged } from './aged.ts'
import { type AskedPage, listPersonPages, pick, signInPerson } from './asked-pages.ts'
import type { Bench, Result } from './measure.ts'
import { runService } from './run-service.ts'
import { formatNumber } from './statistics.ts'
import { p95, timeCalls } from './time-calls.ts'

const rounds = 3
/** What both are old enough for. */
const windows = [7, 30]
const year = 'page Watchlist over a year'

type Reader = { origin: string; headers: Record<string, string>; asked: AskedPage[] }

/** The pages of a person who follows all companies, and what programs ask for, each from an edge of its own. */
export async function measurePages(bench: Bench, both: Both<Aged>): Promise<Result[]> {
  await using scope = new AsyncDisposableStack()
  const readers = new Map<Aged, Reader[]>()
  for (const aged of [both.young, both.old]) readers.set(aged, await openReaders(aged, scope))
  const results: Result[] = []
  for (const [who, { asked }] of readers.get(both.young)!.entries())
    for (const [index, { what }] of asked.entries()) {
      const measured = await inTurn(both, rounds, async (aged) => {
        const { origin, headers, asked } = readers.get(aged)![who]!
        return p95(await timeCalls(origin, headers, asked[index]!.pathOf))
      })
      const compared = compare(what, measured, {
        unit: 'ms',
        ...(what === year && { instead: 'lines of a year beside lines of four weeks' }),
      })
      bench.say(`${compared.what}: ${formatNumber(compared.value)} (${compared.detail})`)
      results.push(compared)
    }
  return results
}

/** A person with a browser, and a program with a key. */
async function openReaders({ env, pool, companies, readers }: Aged, scope: AsyncDisposableStack): Promise<Reader[]> {
  const port = await findFreePort()
  const origin = `http://127.0.0.1:${port}`
  scope.use(await runService('edge', { ...env, EDGE_PORT: String(port), RATE_LIMIT_SESSION: '0' }))
  const cookie = await signInPerson(env, origin, readers[0]!)
  const created = await runParma(env, 'keys', 'create', '--name', 'age', '--role', 'viewer', '--json')
  const { key } = JSON.parse(created) as { key: string }
  const answers = [
    {
      what: 'companies by momentum',
      pathOf: (call: number) => `/companies?sort=momentum&days=${pick(windows, call)}`,
    },
    { what: 'growth of a company’s series', pathOf: (call: number) => `/companies/${pick(companies, call * 7)}` },
    { what: 'the best news items', pathOf: (call: number) => `/news?order=best&limit=${50 + call}` },
  ]
  const pages = await listPersonPages(pool, companies, windows)
  return [
    {
      origin,
      headers: { cookie },
      asked: [...pages, { what: year, pathOf: (call) => `/console/watchlist?days=365&q=${call % 2 ? 'Bench' : ''}` }],
    },
    { origin: `${origin}/api/v1`, headers: { authorization: `Bearer ${key}` }, asked: answers },
  ]
}
