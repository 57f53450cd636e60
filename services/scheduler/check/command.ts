import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { printResult, printText, UsageError } from '#runtime/commands/commands.ts'
import { collect, requireCount } from '#runtime/commands/read-typed.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createHttpClient } from '#runtime/web/http-client.ts'
import { moduleUrl } from '#runtime/web/module-url.ts'
import { splitSecrets } from '#runtime/web/split-secrets.ts'
import { settings } from '../config.ts'
import { checkModule, type Limits } from './check-module.ts'
import { describeCheck, reportCheck } from './describe-check.ts'
import { type RecordingEdge, startRecordingEdge } from '../recording/recording-edge.ts'

type Options = {
  listen: string
  wait: string
  timeout?: string
  company?: string[]
  identifier?: string[]
  json?: boolean
}

export function build(command: Command): void {
  command
    .argument('<url>', 'where the module listens: http://127.0.0.1:24300')
    .option('--listen <address>', 'where the recording edge listens; port 0 takes a free one', '127.0.0.1:24390')
    .option('--wait <seconds>', 'how long the module may take to start', '60')
    .option(
      '--timeout <seconds>',
      'how long each call may take, instead of 110 (/initialize), 120 (/discover), 300 (/companies)',
    )
    .option('--company <name>', 'ask for this company; may be repeated (default: Google and Microsoft)', collect)
    .option(
      '--identifier <property=value>',
      'crawl this for the nth company, whatever /discover finds; may be repeated',
      collect,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Checks a mining module before it is added as a source. It starts an edge of its own, which keeps what the module sends
in memory and stores nothing, and prints with which address and secret the module must be started. Then it does what
edge and scheduler do: handshake, discovery, two crawls, and one crawl of a name that does not exist. It needs no Kafka
and no Postgres. A module that is bound to another edge is not asked to crawl: that would write there. Its handshake
is refused there, because only this command knows the key that signs the inner token.

Each defect is named with its section of the contract and a remedy. Advice is no defect. Exit code 0: no defect;
1: defects; 2: no defect, but not everything could be checked.`,
    )
    .action(check)
}

/** The edge reads no answer that is larger, nor does the scheduler. */
const { MAX_ANSWER_BYTES, DISCOVER_TIMEOUT_SECONDS } = settings
const checkSettings = {
  MAX_ANSWER_BYTES,
  DISCOVER_TIMEOUT_SECONDS,
  PARMA_SHARED_SECRET_KEY: z.string().optional(),
}
const handshakeSeconds = 110
const crawlSeconds = 300

async function check(url: string, options: Options): Promise<void> {
  const { company = ['Google', 'Microsoft'], identifier = [], json = false } = options
  const config = readEnv(checkSettings)
  const [known] = splitSecrets(config.PARMA_SHARED_SECRET_KEY ?? '')
  const shared = known || randomBytes(24).toString('hex')
  const seconds = options.timeout === undefined ? null : requireCount(options.timeout, '--timeout')
  const limits: Limits = {
    handshakeMs: 1000 * (seconds ?? handshakeSeconds),
    discoverMs: 1000 * (seconds ?? config.DISCOVER_TIMEOUT_SECONDS),
    crawlMs: 1000 * (seconds ?? crawlSeconds),
    lateMs: 5000,
    maxAnswerBytes: config.MAX_ANSWER_BYTES,
  }
  const module = requireUrl(url)
  const edge = await listen(options.listen, shared)
  // stdout is for the JSON.
  const say = json ? (text: string) => console.error(text) : printText
  say(describeStart(edge.url, known ? null : shared))
  // The caller has typed the address.
  await using http = createHttpClient({ allowedPrivateNetworks: ['0.0.0.0/0', '::/0'] })
  try {
    await waitForModule(module, requireCount(options.wait, '--wait', { least: 0 }))
    const asked = { endpoint: url, companies: company, identifiers: identifier }
    const checked = await checkModule({ asked, limits, edge, http, now: Date.now })
    const report = reportCheck(url, edge.url, checked)
    printResult(report, describeCheck(report, process.stdout.columns ?? 80), json)
    process.exitCode = report.defects.length > 0 ? 1 : report.not_checked.length > 0 ? 2 : 0
  } finally {
    await edge.close()
  }
}

function describeStart(address: string, secret: string | null): string {
  return [
    'The module must be started with',
    `  ANALYTICS_BASE_URL=${address}`,
    secret === null ? '  PARMA_SHARED_SECRET_KEY as in this environment' : `  PARMA_SHARED_SECRET_KEY=${secret}`,
    '',
  ].join('\n')
}

function requireUrl(url: string): URL {
  try {
    return new URL(moduleUrl(url, ''))
  } catch (error) {
    throw new UsageError(`${(error as Error).message}.`, { exitCode: 2 })
  }
}

async function listen(address: string, shared: string): Promise<RecordingEdge> {
  const { hostname, port } = URL.parse(`http://${address}`) ?? {}
  if (!hostname || (!port && !/:(0|80)$/.test(address)))
    throw new UsageError(`--listen is ${JSON.stringify(address)}: give a host and a port, as in 127.0.0.1:24390.`, {
      exitCode: 2,
    })
  try {
    return await startRecordingEdge(hostname.replace(/^\[|\]$/g, ''), Number(port || address.split(':').at(-1)), shared)
  } catch (error) {
    throw new UsageError(`Nothing can listen on ${address}: ${(error as Error).message}. Give another --listen.`, {
      exitCode: 2,
    })
  }
}

const pauseMs = 200

/** Returns when something listens there. */
async function waitForModule({ hostname, port, protocol }: URL, seconds: number): Promise<void> {
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) }
  const endsAt = performance.now() + 1000 * seconds
  for (;;) {
    const error = await tryToConnect(target)
    if (error === null) return
    if (performance.now() > endsAt)
      throw new UsageError(`Nothing answers at ${target.host}:${target.port} (${error}). Start the module as above.`, {
        exitCode: 2,
      })
    await wait(pauseMs)
  }
}

async function tryToConnect(target: { host: string; port: number }): Promise<string | null> {
  const socket = connect({ ...target, timeout: 5000 })
  try {
    await Promise.race([
      once(socket, 'connect'),
      once(socket, 'timeout').then(() => Promise.reject(new Error('timeout'))),
    ])
    return null
  } catch (error) {
    return (error as Error).message
  } finally {
    socket.destroy()
  }
}
