import { beforeAll, expect, test } from 'vitest'
import { type StartedEdge, startEdge } from '../harness/edge/setup.ts'
import { bodies } from './hostile/bodies.ts'
import { framing, slow } from './hostile/framing.ts'
import { readMemory } from './hostile/memory.ts'
import { paths } from './hostile/paths.ts'
import { good, type Place, type Row } from './hostile/request.ts'
import { send } from './hostile/send.ts'
import { severalTokens, tokens } from './hostile/tokens.ts'
import { transport } from './hostile/transport.ts'

const rows = [...tokens, ...severalTokens, ...bodies, ...transport, ...paths, ...framing]
/** On an idle machine nothing here takes a second. Slow requests end with the timeouts of the edge. */
const deadlineMs = 30_000
const settings = {
  ...{ HEADERS_TIMEOUT_MS: '2000', REQUEST_TIMEOUT_MS: '4000', RATE_LIMIT_ANONYMOUS: '0', RATE_LIMIT_REFUSED: '0' },
  // The test measures what the edge keeps: garbage is collected first, and freed memory returns to the system at once.
  ...{ NODE_OPTIONS: '--inspect=127.0.0.1:0', MALLOC_MMAP_THRESHOLD_: '131072' },
}

let edge: StartedEdge
let place: Place

beforeAll(async () => {
  edge = await startEdge(settings)
  const source = await edge.addSource('github', 'http://github.example')
  place = {
    source,
    other: await edge.addSource('reddit'),
    task: await edge.addTask(source),
    secrets: edge.secrets,
    authorization: await edge.token(source),
  }
})

/** What is wrong with the response to a row; null: nothing. */
async function judge(row: Row): Promise<string | null> {
  const { status, body, answers } = await send(edge.url, row, place, deadlineMs)
  const problem = (text: string) => `${row.name}: ${text}: ${body.slice(0, 300)}`
  if (status !== row.status) return problem(`${status} in place of ${row.status}`)
  if (status !== null && answers !== 1) return problem(`${answers} answers`)
  if (row.detail !== undefined && !body.includes(row.detail)) return problem(`does not say "${row.detail}"`)
  // Names and lines of source files.
  if (/\.[jt]s:\d+|node_modules|node:internal/.test(body)) return problem('shows a stack')
  const after = await edge.call('/feed-raw-data', { token: place.authorization, body: good })
  return after.status === 201 ? null : `after ${row.name} a good request is answered ${after.status}: ${after.text}`
}

/** Sends all rows, a few at once, and returns what is wrong with the responses. */
async function runRound(): Promise<(string | null)[]> {
  const problems: (string | null)[] = []
  const queue = rows.values()
  const lane = async () => {
    for (const row of queue) problems.push(await judge(row))
  }
  const lanes = Array.from({ length: 4 }, lane)
  problems.push(...(await Promise.all(slow.map(judge))))
  await Promise.all(lanes)
  return problems.filter((problem) => problem !== null)
}

test('the table is complete, and each row has its own name', () => {
  expect(rows.length + slow.length).toBeGreaterThan(400)
  const names = [...rows, ...slow].map(({ name }) => name)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

test('each hostile request gets its status, and a good one straight after is accepted; four times over', async () => {
  const remembered = () => readMemory(edge.service.pid, edge.service.logs())
  // The process grows until it has compiled and cached what it needs: by the third round.
  for (let round = 0; round < 3; round++) expect(await runRound()).toEqual([])
  const third = await remembered()
  expect(await runRound()).toEqual([])
  // Freed pages may return to the system late; leaked ones never do.
  await expect.poll(remembered, { timeout: 60_000, interval: 1000 }).toBeLessThan(1.1 * third)
  expect((await fetch(`${edge.service.healthUrl}/livez`)).status).toBe(200)
  // Unexpected errors are logged by this name, even if the response was the documented one.
  expect(edge.service.logs()).not.toContain('request_failed')
}, 600_000)
