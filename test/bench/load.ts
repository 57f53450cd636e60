// Load on the edge from its own process: 64 connections, one request at a time on each, on raw sockets to leave the
// processors to what is measured. `node test/bench/load.ts '<Load as JSON>'`, forked.
import { connect } from 'node:net'

export type Load = {
  url: string
  authorization: string
  source: string
  /** Requests per second on a fixed schedule; null when each connection sends as soon as it has its answer. */
  rate: number | null
  seconds: number
  /** Payloads in a request, as a list; without it one payload, as an object. */
  batch?: number
}
export type LoadMessage =
  | { kind: 'begin' }
  | {
      kind: 'end'
      accepted: number
      refused: number
      seconds: number
      cpuSeconds: number
      /** Milliseconds since the time on the schedule. */
      latency: { p50: number; p99: number; max: number }
    }

const connections = 64
const warmUpMs = 3000
const load = JSON.parse(process.argv[2] ?? '') as Load
const { hostname, port, pathname } = new URL(load.url)
const tell = (message: LoadMessage) => process.send?.(message)

/** About 3 KB, like those of the github module. The digits make each payload different. */
const nth = '0000000000'
const payload = JSON.stringify({
  source_name: load.source,
  company_id: '1',
  raw_data: {
    ...{ name: `org ${nth}`, description: 'Tools for “everybody”', url: 'https://github.example/org' },
    repos: Array.from({ length: 6 }, (_, n) => ({
      ...{ name: `repo-${n}`, description: 'A library that does one thing — well ✓', stars: 1000 + n, forks: 50 + n },
      ...{ language: 'TypeScript', created_at: '2019-05-18 17:47:09+00:00', updated_at: '2026-05-18 17:47:09+00:00' },
      ...{ pushed_at: '2026-05-18 17:47:09+00:00', html_url: `https://github.example/org/repo-${n}` },
      ...{ clone_url: `https://github.example/org/repo-${n}.git`, svn_url: `https://github.example/org/repo-${n}` },
      ...{ homepage: '', size: 123_456, watchers_count: 1000 + n, open_issues_count: 17 },
    })),
    ...{ aggregated_sum_size: 740_736, aggregated_sum_watchers_count: 6015, aggregated_sum_open_issues_count: 102 },
    ...{ aggregated_sum_stars: 6015, aggregated_sum_forks: 315 },
  },
})
const template = Buffer.from(
  load.batch === undefined ? payload : `[${Array.from({ length: load.batch }, () => payload).join(',')}]`,
)
const lines = [
  ...[`POST ${pathname} HTTP/1.1`, `host: ${hostname}:${port}`, `authorization: ${load.authorization}`],
  ...['content-type: application/json', `content-length: ${template.length}`, '', ''],
]
const request = Buffer.concat([Buffer.from(lines.join('\r\n')), template])
const digitsAt: number[] = []
for (let at = request.indexOf(nth); at !== -1; at = request.indexOf(nth, at + 1)) digitsAt.push(at)
const first = Date.now() % 1e6
let made = 0

function writeRequest(): Buffer {
  const bytes = Buffer.from(request)
  for (const at of digitsAt) bytes.write(`${first}${made++}`.padStart(nth.length, '0').slice(-nth.length), at)
  return bytes
}

/** A connection that calls `onAnswer` with the status of each answer. */
function open(onAnswer: (status: number) => void) {
  const socket = connect({ port: Number(port), host: hostname, noDelay: true })
  let held: Buffer | null = null
  socket.on('data', (chunk) => {
    const bytes = held ? Buffer.concat([held, chunk]) : chunk
    held = bytes
    const headEnd = bytes.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const head = bytes.toString('latin1', 0, headEnd)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? NaN)
    if (bytes.length < headEnd + 4 + length) return
    held = null
    onAnswer(Number(head.slice(9, 12)))
  })
  return socket
}

const counts = { accepted: 0, refused: 0 }
let latencies: number[] = []
const startedAt = performance.now()
const beginAt = startedAt + warmUpMs
const endAt = beginAt + load.seconds * 1000
let cpu = process.cpuUsage()

function note(intendedAt: number, status: number): void {
  if (intendedAt < beginAt || intendedAt >= endAt) return
  if (status === 201) counts.accepted++
  else counts.refused++
  latencies.push(performance.now() - intendedAt)
}

/** Each connection sends its next request when it has its answer. */
function runClosed(): void {
  for (let n = 0; n < connections; n++) {
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      if (sentAt < endAt) socket.write(writeRequest())
      else socket.destroy()
    }
    const socket = open((status) => {
      note(sentAt, status)
      send()
    })
    socket.on('connect', send)
  }
}

/** Requests leave on schedule, or when a connection is free: that wait counts as latency. */
function runOpen(rate: number): void {
  const free: (() => void)[] = []
  let sent = 0
  const dueAt = () => startedAt + (sent * 1000) / rate
  for (let n = 0; n < connections; n++) {
    let intendedAt = 0
    const socket = open((status) => {
      note(intendedAt, status)
      free.push(send)
    })
    const send = () => {
      intendedAt = dueAt()
      sent++
      socket.write(writeRequest())
    }
    socket.on('connect', () => free.push(send))
  }
  const timer = setInterval(() => {
    for (const now = performance.now(); dueAt() <= now && free.length > 0;) free.shift()?.()
    if (performance.now() > endAt) clearInterval(timer)
  }, 1)
}

setTimeout(() => {
  cpu = process.cpuUsage()
  tell({ kind: 'begin' })
}, warmUpMs)
setTimeout(
  () => {
    const { user, system } = process.cpuUsage(cpu)
    latencies = latencies.sort((a, b) => a - b)
    const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN
    const latency = { p50: at(0.5), p99: at(0.99), max: at(1) }
    tell({ kind: 'end', ...counts, seconds: load.seconds, cpuSeconds: (user + system) / 1e6, latency })
    process.exit()
  },
  warmUpMs + load.seconds * 1000 + 500,
)
if (load.rate === null) runClosed()
else runOpen(load.rate)
