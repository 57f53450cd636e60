import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { addressOf, closeServer } from './edge-stand-in.ts'

const secret = 'a secret of this test that is long enough'
const parma = resolve(import.meta.dirname, '../cli/main.ts')

test('the module passes parma check-module', async () => {
  const [endpoint, health] = [await findFreeAddress(), await findFreeAddress()]
  const cache = await mkdtemp(join(tmpdir(), 'miner-npm-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  const env = { PATH: process.env.PATH, PARMA_STACK_ENV: '/dev/null', PARMA_SHARED_SECRET_KEY: secret }
  const companies = ['--company', 'Express', '--company', 'Pino']
  const command = spawn(
    process.execPath,
    [parma, 'check-module', endpoint, '--listen', '127.0.0.1:0', ...companies, '--json'],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  stopInTheEnd(command)
  const module = spawn(process.execPath, [resolve(import.meta.dirname, 'main.ts')], {
    env: {
      ...{ ...env, ANALYTICS_BASE_URL: await readAddress(command), DEPLOYMENT_ENV: 'local', LOG_LEVEL: 'fatal' },
      ...{ MINER_PORT: new URL(endpoint).port, MINER_HOST: '127.0.0.1', HEALTH_PORT: new URL(health).port },
      // Without a registry it mines its recording.
      ...{ MINER_CACHE_DIR: cache, MINER_NPM_COMMAND: 'false' },
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  stopInTheEnd(module)
  const [printed, [code]] = await Promise.all([text(command.stdout), once(command, 'exit')])
  expect(JSON.parse(printed)).toMatchObject({ source: 'npm', defects: [], advice: [], not_checked: [] })
  expect(code).toBe(0)
}, 120_000)

/** The address of the recording edge, which the command prints first. */
async function readAddress({ stderr }: ChildProcess): Promise<string> {
  let printed = ''
  for await (const chunk of stderr! as AsyncIterable<Buffer>) {
    printed += String(chunk)
    const [, address] = /ANALYTICS_BASE_URL=(\S+)\n/.exec(printed) ?? []
    if (address !== undefined) return address
  }
  throw new Error(`the command printed no address: ${printed}`)
}

function stopInTheEnd(child: ChildProcess): void {
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
}

async function findFreeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  const address = await addressOf(server)
  await closeServer(server)
  return address
}
