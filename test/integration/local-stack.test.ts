import { execFile, execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { WebClient } from '@slack/web-api'
import { Kafka, logLevel } from 'kafkajs'
import nodemailer from 'nodemailer'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { root } from '../../deploy/local/config.ts'
import { identify, isRunning, type ProcessIdentity } from '../../deploy/local/process-identity.ts'
import { ensureStack, type Stack, type StackOptions, startStack, waitUntilWhole } from '../../deploy/local/stack.ts'
import { stackEnvFile } from '../../deploy/local/stack-env.ts'

// mkdtemp makes a folder for its owner only (mode 700): when the tests run as root, Postgres cannot enter it.
const parent = mkdtempSync(join(tmpdir(), 'local-stack-'))
const options: StackOptions = {
  dir: join(parent, 'stack'),
  ports: 'free',
  services: [],
  setup: [],
  withParent: true,
}
const servers = ['KAFKA', 'REGISTRY', 'POSTGRES', 'FIRESTORE', 'FIRESTORE_JOURNAL', 'SMTP_SINK', 'SLACK_STUB']
const started: ProcessIdentity[] = []
let stack: Stack

async function start(): Promise<void> {
  stack = await startStack(options)
  for (const name of [...servers, 'SUPERVISOR']) started.push(identityOf(name))
}

function identityOf(name: string): ProcessIdentity {
  const identity = identify(Number(stack.env()[`${name}_PID`]))
  if (!identity) throw new Error(`${name} does not run`)
  return identity
}

/** Runs `make up` or `make down` on the stack of this test. */
async function run(command: 'up' | 'down'): Promise<string> {
  const flags = command === 'up' ? ['--free-ports', '--services=none', '--setup=none'] : []
  const file = join(root, 'deploy/local', `${command}.ts`)
  return (await promisify(execFile)(process.execPath, [file, `--dir=${options.dir}`, ...flags])).stdout
}

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: stack.env().DATABASE_URL })
  client.on('error', () => undefined)
  await client.connect()
  return client
    .query<Record<string, unknown>>(sql)
    .then(({ rows }) => rows)
    .finally(() => client.end())
}

function kafkaAdmin() {
  return new Kafka({ brokers: [stack.env().KAFKA_BROKERS ?? ''], logLevel: logLevel.NOTHING }).admin()
}

async function topics(): Promise<string[]> {
  const admin = kafkaAdmin()
  await admin.connect()
  return admin.listTopics().finally(() => admin.disconnect())
}

async function registerSchema(): Promise<unknown> {
  const response = await fetch(`${stack.env().SCHEMA_REGISTRY_URL}/subjects/kept-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: '"string"' }),
  })
  return response.json()
}

/** The journal passes gRPC only, not the emulator's REST, so the Firestore client writes and reads the document. */
async function documents(write: boolean): Promise<unknown> {
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', stack.env().FIRESTORE_EMULATOR_HOST)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  const { Firestore } = await import('@google-cloud/firestore')
  const firestore = new Firestore({ projectId: stack.env().FIRESTORE_PROJECT })
  const document = firestore.doc('kept/document')
  if (write) await document.create({ n: 1, bytes: Buffer.from('kept') })
  return document
    .get()
    .then((found) => found.data())
    .finally(() => firestore.terminate())
}

async function writeEverywhere(): Promise<void> {
  await query('CREATE TABLE kept (n int)')
  const admin = kafkaAdmin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] }).finally(() => admin.disconnect())
  await registerSchema()
  await documents(true)
  const mailer = nodemailer.createTransport(stack.env().SMTP_URL)
  await mailer.sendMail({
    from: 'parma@local.test',
    to: 'one@local.test',
    subject: 'ärger',
    text: 'kept',
    html: '<p>kept</p>',
  })
  const slack = new WebClient('xoxb-any', { slackApiUrl: stack.env().SLACK_API_URL })
  const metadata = { event_type: 'news', event_payload: { id: 'n1' } }
  await slack.chat.postMessage({ channel: '#general', text: 'kept', metadata })
}

async function expectAllKept(): Promise<void> {
  expect(await query('SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }])
  expect(await topics()).toContain('kept')
  expect(await registerSchema()).toEqual({ id: 1 })
  expect(await documents(false)).toEqual({ n: 1, bytes: Buffer.from('kept') })
  const mails = await (await fetch(stack.env().MAILBOX_URL ?? '')).json()
  expect(mails).toMatchObject([
    { from: 'parma@local.test', to: ['one@local.test'], subject: 'ärger', html: '<p>kept</p>' },
  ])
  const slack = new WebClient('xoxb-any', { slackApiUrl: stack.env().SLACK_API_URL })
  const { channels } = await slack.conversations.list()
  const history = await slack.conversations.history({ channel: channels?.[0]?.id ?? '', include_all_metadata: true })
  expect(history.messages).toMatchObject([{ text: 'kept', metadata: { event_payload: { id: 'n1' } } }])
  expect(await (await fetch(stack.env().SLACK_OUTBOX_URL ?? '')).json()).toMatchObject([{ text: 'kept' }])
}

describe('a stack of servers', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    await start()
    await writeEverywhere()
  })
  afterAll(async () => {
    await stack.remove()
    rmSync(parent, { recursive: true })
  })

  test('keeps what was written', expectAllKept)

  test.runIf(process.getuid?.() === 0)('has Postgres outside of a folder that only root may enter', () => {
    expect(lstatSync(join(options.dir, 'postgres')).isSymbolicLink()).toBe(true)
  })

  test('names the processes themselves, not what started them', () => {
    const commands = ['KAFKA', 'REGISTRY', 'POSTGRES', 'SMTP_SINK'].map((name) =>
      execFileSync('ps', ['-o', 'command=', '-p', String(identityOf(name).pid)], { encoding: 'utf8' }),
    )
    expect(commands).toEqual([
      expect.stringMatching(/^java .*kafka\.Kafka/),
      expect.stringMatching(/^java .*apicurio/),
      expect.stringMatching(/bin\/postgres -D/),
      expect.stringMatching(/bin\/node .*smtp-sink\.ts/),
    ])
  })

  test('is left as it is by a second `make up`, which says so', async () => {
    const before = stack.env()
    expect(await run('up')).toMatch(/^the stack is already running, nothing to do\n/)
    expect(stack.env()).toEqual(before)
  })

  test('starts killed servers again, on the same ports and data, and notes their new processes', async () => {
    const before = stack.env()
    const killed = servers.map(identityOf)
    for (const { pid } of killed) process.kill(pid, 'SIGKILL')
    await vi.waitFor(
      () => expect(servers.filter((name) => stack.env()[`${name}_PID`] === before[`${name}_PID`])).toEqual([]),
      60_000,
    )
    expect(await waitUntilWhole(options.dir, 60_000)).toEqual([])
    started.push(...servers.map(identityOf))
    const after = stack.env()
    const addresses = (env: object) => Object.entries(env).filter(([name]) => !name.endsWith('_PID'))
    expect(addresses(after)).toEqual(addresses(before))
    await expectAllKept()
  })

  test('is repaired by the next start when its supervisor was killed', async () => {
    const { pid } = identityOf('SUPERVISOR')
    const orphan = identityOf('KAFKA')
    process.kill(pid, 'SIGKILL')
    await vi.waitFor(() => expect(identify(pid)).toBeNull(), 20_000)
    expect(isRunning(orphan)).toBe(true)
    expect(await waitUntilWhole(options.dir, 0)).toBeNull()
    await start()
    expect(isRunning(orphan)).toBe(false)
    await expectAllKept()
  })

  test('is repaired by the next start when one of its processes hangs', async () => {
    process.kill(identityOf('SMTP_SINK').pid, 'SIGSTOP')
    await vi.waitFor(async () => expect(await waitUntilWhole(options.dir, 0)).toEqual(['smtp-sink']), 20_000)
    const { wasRunning } = await ensureStack(options, 1000)
    expect(wasRunning).toBe(false)
    for (const name of [...servers, 'SUPERVISOR']) started.push(identityOf(name))
    await expectAllKept()
  })

  test('refuses a second supervisor', async () => {
    await expect(startStack(options)).rejects.toThrow(/already runs this stack/)
    expect(await waitUntilWhole(options.dir, 0)).toEqual([])
  })

  test('stops as a whole, and starts again with its data', async () => {
    expect(await run('down')).toMatch(/^stopped 8 processes; the data stays in /)
    expect(started.filter(isRunning)).toEqual([])
    expect(existsSync(stackEnvFile(options.dir))).toBe(false)
    expect(await run('down')).toBe('nothing was running\n')
    await start()
    await expectAllKept()
  })
})
