// `make demo`: from an empty database to values, news and messages, with real package metadata. Uses only HTTP and
// `parma`, and leaves everything running. When something does not arrive, it fails and names what is missing.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { defaultDir, programs, root } from './config.ts'
import { type DemoStatus, findWhyLink, listBroken, renderReport } from './demo-report.ts'
import { runParma } from './parma.ts'
import { createProgress } from './progress.ts'
import { serviceEnv } from './servers.ts'
import type { SetupStep } from './setup.ts'
import { ensureStack } from './stack.ts'
import type { Mail } from './stand-ins/render-mail.ts'

/** The demo fails after this long without progress. */
const stallMs = 90_000
const demoSource = 'npm'
const investor = { name: 'Demo Investor', address: 'investor@demo.test' }

// Tests run it on a stack of their own.
const { values } = parseArgs({
  options: { dir: { type: 'string', default: defaultDir }, 'free-ports': { type: 'boolean', default: false } },
})
const { say, showProgress } = createProgress(process.stdout, () => performance.now())

/** The companies are the packages that this project depends on. */
function readCompanies(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
  return Object.keys(dependencies)
}

type Parma = <T>(...args: string[]) => Promise<T>

async function register(parma: Parma, minerUrl: string, companies: string[]): Promise<{ id: number }> {
  const add = (noun: string, ...args: string[]) => parma<{ id: number }>(noun, 'add', ...args, '--if-missing')
  await add('companies', '--name', ...companies)
  const person = await add('people', '--name', investor.name)
  for (const [type, destination] of [
    ['EMAIL', investor.address],
    ['SLACK', 'general'],
  ] as const) {
    const channel = await add('channels', '--type', type, '--destination', destination)
    await add('subscriptions', '--person', String(person.id), '--channel', String(channel.id))
  }
  await add('subscriptions', '--person', String(person.id), '--all-companies')
  return add('sources', '--name', demoSource, '--endpoint', minerUrl, '--frequency', 'daily', '--all-companies')
}

async function call(url: string, what: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(120_000) }).catch((error: unknown) => {
    throw new Error(`${what} did not answer: ${(error as Error).message}`)
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${what} answered ${answer.status}: ${text}`)
  return text
}

/** Waits until everything has arrived, and prints the progress. */
async function waitForAll(parma: Parma): Promise<DemoStatus> {
  let shown = ''
  for (let deadline = performance.now() + stallMs; ; await delay(1000)) {
    const status = await parma<DemoStatus>('status', '--source', demoSource)
    const broken = listBroken(status)
    if (broken.length === 0) {
      say('everything has arrived')
      return status
    }
    const { fed, normalized, refused, judged, news, messages } = status.pipeline
    const progress = `${fed} fed, ${normalized} understood, ${refused} refused, ${judged} judged, ${news} news, ${messages.sent ?? 0} sent`
    if (progress !== shown) deadline = performance.now() + stallMs
    if (progress !== shown) showProgress(progress)
    shown = progress
    if (performance.now() > deadline) throw new Error(`no progress for ${stallMs / 1000} s: ${broken.join('; ')}`)
  }
}

try {
  const { stack, wasRunning } = await ensureStack({
    dir: values.dir,
    ports: values['free-ports'] ? 'free' : 'settings',
    services: programs,
    setup: ['public-schema', 'migrate', 'topics'] satisfies SetupStep[],
    withParent: false,
    say,
  })
  const env = stack.env()
  say(wasRunning ? 'the stack is already running' : 'the stack is up')

  const parma: Parma = async (...args) => JSON.parse(await runParma(serviceEnv(env), ...args, '--json'))
  const companies = readCompanies()
  const source = await register(parma, env.MINER_NPM_URL ?? '', companies)
  say(`added ${companies.length} companies, an investor with e-mail and Slack, and the source ${demoSource}`)

  const handshake = `${env.EDGE_URL}/handshake?invocation_endpoint=${encodeURIComponent(env.MINER_NPM_URL ?? '')}&data_source_id=${source.id}`
  await call(handshake, 'the handshake')
  say('the module has sent its normalization map')
  await call(`${env.EDGE_URL}/schedule`, 'the scheduler tick')
  say('the module is crawling')

  const status = await waitForAll(parma)
  const mails = JSON.parse(await call(env.MAILBOX_URL ?? '', 'the mailbox')) as Mail[]
  const { link: signIn } = await parma<{ link: string }>('people', 'link', investor.name, '--by', 'make demo')
  console.log(renderReport(status, env, { why: findWhyLink(mails, status.latest?.news_id ?? ''), signIn }))
} catch (error) {
  console.error(`\nthe demo failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
