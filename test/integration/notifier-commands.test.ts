import { randomUUID } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Command } from 'commander'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { decryptSecret, type Encrypted, parseSecretKeys } from '../../services/notifier/secrets/encrypt-secret.ts'
import { commands } from '../../services/notifier/commands.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { addCompany, addPerson } from '../harness/notifier/setup.ts'

let installation: Installation

beforeAll(async () => {
  installation = await createInstallation()
  vi.stubEnv('DATABASE_URL', installation.database.url)
  return () => vi.unstubAllEnvs()
})

/** Runs a command in this process, which is quicker than one process each, and returns what it printed. */
async function parma(noun: string, ...args: string[]): Promise<string> {
  const printed: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((text) => void printed.push(text))
  const group = new Command(noun)
  ;(await commands[noun]!.load()).build(group)
  for (const command of group.commands) command.exitOverride().configureOutput({ writeErr: () => undefined })
  await group.parseAsync(args, { from: 'user' }).finally(() => log.mockRestore())
  return printed.join('\n')
}
const json = async <T>(...args: [string, ...string[]]) => JSON.parse(await parma(...args, '--json')) as T
type Added = { id: number; added: boolean }

test('parma finds the commands; a mistake is one sentence and exit code 1', async () => {
  expect(JSON.parse(await installation.parma('people', 'ls', '--json'))).toEqual([])
  await expect(installation.parma('people', 'rm', 'nobody')).rejects.toThrow(
    /failed:\nThere is no person "nobody"\. `parma people ls` shows which there are\.\n$/,
  )
})

test('what destroys asks: without a terminal and --yes it is exit code 2, and nothing is changed', async () => {
  const { id } = await json<Added>('people', 'add', '--name', 'Asked')
  const refused = await installation.parma('people', 'rm', 'Asked').catch((error: unknown) => error as Error)
  expect(refused).toMatchObject({ cause: { code: 2 } })
  expect(String(refused)).toContain(
    `This removes person ${id} with all subscriptions, mutes, quiet hours and digests. Confirm with --yes.`,
  )
  await parma('people', 'rm', 'Asked', '--yes')
})

describe('people', () => {
  test('are added once, listed, changed and removed', async () => {
    const ann = await json<Added>('people', 'add', '--name', 'Ann', '--admin')
    expect(ann).toEqual({ id: expect.any(Number) as number, added: true })
    expect(await json('people', 'add', '--name', 'Ann', '--if-missing')).toEqual({ id: ann.id, added: false })
    await expect(parma('people', 'add', '--name', 'Ann')).rejects.toThrow(`Person ${ann.id} already has this name`)

    const bob = await json<Added>('people', 'add', '--name', 'Bob', '--auth-id', 'bob-1')
    await parma('people', 'edit', 'Bob', '--name', 'Robert', '--admin')
    await parma('people', 'edit', String(ann.id), '--no-admin')
    await expect(parma('people', 'edit', 'Ann', '--auth-id', 'bob-1')).rejects.toThrow(
      `Person ${bob.id} already has this auth id`,
    )
    expect(await json('people', 'ls')).toEqual([
      {
        id: ann.id,
        name: 'Ann',
        role: 'USER',
        auth_id: expect.stringMatching(/^parma-/) as string,
        channels: 0,
        companies: 0,
      },
      { id: bob.id, name: 'Robert', role: 'ADMIN', auth_id: 'bob-1', channels: 0, companies: 0 },
    ])
    expect(await parma('people', 'ls')).toMatch(/^id +name +role/)

    await expect(parma('people', 'rm', 'Robert')).rejects.toThrow(
      /^This removes person \d+ with all subscriptions, mutes, quiet hours and digests. Confirm with --yes.$/,
    )
    await parma('people', 'rm', 'Robert', '--yes')
    await expect(parma('people', 'rm', 'Robert', '--yes')).rejects.toThrow(
      'There is no person "Robert". `parma people ls` shows',
    )
    await expect(parma('people', 'edit', 'Ann')).rejects.toThrow('Nothing to change')
    await expect(parma('people', 'add', '--name', ' ')).rejects.toThrow('--name is empty')
  })

  test('with the same name are distinguished by id', async () => {
    const ids = [
      await json<Added>('people', 'add', '--name', 'Kim', '--auth-id', 'k1'),
      await json<Added>('people', 'add', '--name', 'Kim', '--auth-id', 'k2'),
    ]
    await expect(parma('people', 'rm', 'Kim', '--yes')).rejects.toThrow(
      `2 are called "Kim": give one of the ids ${ids.map(({ id }) => id).join(', ')}`,
    )
    for (const { id } of ids) await parma('people', 'rm', String(id), '--yes')
  })
})

test('channels are checked, kept in one form, added once, changed and removed', async () => {
  const mail = await json<Added>('channels', 'add', '--type', 'email', '--destination', ' Ann@Example.com')
  const room = await json<Added>(
    'channels',
    'add',
    '--type',
    'SLACK',
    '--destination',
    '#general',
    '--secret-id',
    'team-bot',
  )
  expect(await json('channels', 'add', '--type', 'EMAIL', '--destination', 'ann@example.com', '--if-missing')).toEqual({
    id: mail.id,
    added: false,
  })
  await expect(parma('channels', 'add', '--type', 'EMAIL', '--destination', 'ann@example.com')).rejects.toThrow(
    `Channel ${mail.id} is the same`,
  )

  for (const [type, destination, problem] of [
    ['EMAIL', 'ann', 'is not one e-mail address'],
    ['SLACK', 'No Such', 'is not a Slack channel'],
    ['PIGEON', 'roof', 'There is no channel type PIGEON: give EMAIL, SLACK or WEBHOOK'],
    ['WEBHOOK', 'https://example.com/x', 'A channel of type WEBHOOK needs --secret-id'],
    ['WEBHOOK', 'example.com', 'is not an https:// address'],
  ] as const)
    await expect(parma('channels', 'add', '--type', type, '--destination', destination)).rejects.toThrow(problem)
  await expect(parma('channels', 'edit', String(room.id), '--secret-id', 'xoxb 123')).rejects.toThrow(
    'is the name of a secret, not the secret',
  )
  await expect(parma('channels', 'rm', '2147483648')).rejects.toThrow('is not an id')

  await parma('channels', 'edit', String(room.id), '--destination', 'alerts', '--secret-id', '')
  expect(await json('channels', 'ls')).toEqual([
    { id: mail.id, type: 'EMAIL', destination: 'ann@example.com', secret_id: null, people: [], ...fine },
    { id: room.id, type: 'SLACK', destination: 'alerts', secret_id: null, people: [], ...fine },
  ])
  await expect(parma('channels', 'rm', String(room.id))).rejects.toThrow(
    /This removes channel \d+ \(SLACK .*\)\. People who get messages there: 0\. Confirm with --yes\.$/,
  )
  await parma('channels', 'rm', String(room.id), '--yes')
  await expect(parma('channels', 'rm', String(room.id))).rejects.toThrow(`There is no channel ${room.id}`)
})

const fine = { state: 'ok', problem: null }

test('channels of our own kinds are like the others to all commands', async () => {
  const { database } = installation
  const hook = ['--type', 'WEBHOOK', '--destination', 'https://example.com/x', '--secret-id', 'hook-key']
  const { id } = await json<Added>('channels', 'add', ...hook)
  expect(id).toBeGreaterThan(1_000_000_000)
  await expect(parma('channels', 'add', ...hook)).rejects.toThrow(`Channel ${id} is the same`)
  await parma('channels', 'edit', String(id), '--secret-id', 'other-key')

  const dan = await json<Added>('people', 'add', '--name', 'Dan')
  const channel = ['--person', 'Dan', '--channel', String(id)]
  expect(await json('subscriptions', 'add', ...channel, '--purpose', 'REPORT')).toEqual({ added: 1, known: 0 })
  expect(await json('subscriptions', 'add', ...channel)).toEqual({ added: 1, known: 0 })
  await expect(parma('subscriptions', 'add', ...channel)).rejects.toThrow('already has this subscription')
  const heard = (await json<{ id: number }[]>('subscriptions', 'ls')).filter((one) => one.id === id)
  expect(heard).toEqual([
    {
      ...{ person_id: dan.id, person: 'Dan', to: 'channel', id },
      ...{ name: 'WEBHOOK https://example.com/x', purpose: 'NOTIFICATION' },
    },
  ])
  expect(await json('people', 'ls')).toContainEqual(expect.objectContaining({ name: 'Dan', channels: 1 }))

  await database.query(
    `INSERT INTO notifier.destination (channel, address, secret_id, parked_at, parked_reason)
     VALUES ('WEBHOOK', 'https://example.com/x', 'other-key', now(), 'answered 410')`,
  )
  expect((await json<{ id: number }[]>('channels', 'ls')).filter((one) => one.id === id)).toEqual([
    {
      ...{ id, type: 'WEBHOOK', destination: 'https://example.com/x', secret_id: 'other-key', people: ['Dan'] },
      ...{ state: 'parked', problem: 'answered 410' },
    },
  ])
  await expect(parma('channels', 'unpark')).rejects.toThrow('Give the id of a channel, or --all')
  expect(await json('channels', 'unpark', String(id))).toEqual({ unparked: 1 })
  await expect(parma('channels', 'unpark', String(id))).rejects.toThrow(`Channel ${id} is not parked`)
  expect(await json('channels', 'unpark', '--all')).toEqual({ unparked: 0 })
  await expect(parma('channels', 'test', String(id), '--wait', '1')).rejects.toThrow(
    'failed: the notifier did not start to send it in time. Check that a notifier is running',
  )

  await parma('subscriptions', 'rm', ...channel, '--yes')
  await parma('subscriptions', 'add', ...channel)
  await parma('people', 'rm', 'Dan', '--yes')
  expect(await database.query('SELECT FROM notifier.channel_subscription')).toEqual([])
  await parma('channels', 'rm', String(id), '--yes')
  await expect(parma('channels', 'rm', String(id))).rejects.toThrow(`There is no channel ${id}`)
})

test('a row of parma-web that names no usable destination is shown as wrong', async () => {
  const { database } = installation
  const channels = [{ type: 'EMAIL', destination: 'ann@example.com\r\nBcc: all@example.com' } as const]
  await addPerson(database, { name: 'Fay', channels })
  const rows = await json<{ people: string[]; id: number }[]>('channels', 'ls')
  const row = rows.find(({ people }) => people.includes('Fay'))
  expect(row).toMatchObject({ state: 'wrong', problem: expect.stringContaining('is not one e-mail address') as string })
  await expect(parma('channels', 'test', String(row?.id))).rejects.toThrow('Nothing can be sent to channel')
  await parma('people', 'rm', 'Fay', '--yes')
  await parma('channels', 'rm', String(row?.id), '--yes')
})

describe('secrets', () => {
  const keys = ['old', 'new'].map((id) => `${id}:${randomBytes(32).toString('base64')}`)
  /** Runs a command with `secret` on its standard input. */
  async function feed(secret: string | Buffer, ...args: string[]): Promise<string> {
    const [stdin, pipe] = [process.stdin, Readable.from([secret])]
    Object.defineProperty(process, 'stdin', { value: pipe, configurable: true })
    return parma('secrets', ...args).finally(() =>
      Object.defineProperty(process, 'stdin', { value: stdin, configurable: true }),
    )
  }
  const stored = async (name: string) => {
    const [row] = await installation.database.query<Encrypted>(
      'SELECT key_id, nonce, ciphertext FROM notifier.secret WHERE name = $1',
      [name],
    )
    return row!
  }

  test('are stored encrypted, never printed, and go along when the keys change', async () => {
    await expect(feed('x', 'set', 'bot')).rejects.toThrow('SECRETS_KEYS is not set')
    vi.stubEnv('SECRETS_KEYS', keys[0])
    await expect(feed('\n', 'set', 'bot')).rejects.toThrow('Standard input is empty')
    await expect(feed(Buffer.from('caf\xe9', 'latin1'), 'set', 'bot')).rejects.toThrow(
      'Standard input is not UTF-8: byte 0xe9 at offset 3',
    )
    await expect(feed('x', 'set', '../bot')).rejects.toThrow('is not a valid secret name')
    expect(await feed('canary-1\n', 'set', 'bot')).toBe('stored the secret bot under the key old')
    await feed('canary-2', 'set', 'hook')
    await feed('canary-3\n', 'set', 'bot')
    expect(decryptSecret(parseSecretKeys(keys[0]!), 'bot', await stored('bot'))).toBe('canary-3')
    expect((await stored('bot')).ciphertext.toString('latin1')).not.toContain('canary')

    vi.stubEnv('SECRETS_KEYS', keys[1])
    await expect(parma('secrets', 'rotate')).rejects.toThrow(
      'Nothing was changed: the secret bot is encrypted under the key old, which is not in SECRETS_KEYS',
    )
    vi.stubEnv('SECRETS_KEYS', keys.toReversed().join())
    expect(await json('secrets', 'rotate')).toEqual({ rotated: 2, key_id: 'new' })
    expect(await json('secrets', 'rotate')).toEqual({ rotated: 0, key_id: 'new' })
    expect(decryptSecret(parseSecretKeys(keys[1]!), 'hook', await stored('hook'))).toBe('canary-2')
    const listed = await parma('secrets', 'ls')
    expect(listed).toMatch(/bot +new.*\nhook +new/)
    expect(listed).not.toContain('canary')
    await expect(parma('secrets', 'rm', 'bot')).rejects.toThrow(
      /This removes the secret bot for good\. (No channel uses it|Channels that use it: .*)\. Confirm with --yes\./,
    )
    await parma('secrets', 'rm', 'bot', '--yes')
    await expect(parma('secrets', 'rm', 'bot')).rejects.toThrow('There is no secret "bot"')
    vi.stubEnv('SECRETS_KEYS', undefined)
    const audited = await installation.database.query<{ kind: string }>(
      `SELECT kind, before, after FROM notifier.audit WHERE subject = 'secret:bot' ORDER BY audit_id`,
    )
    expect(audited.map(({ kind }) => kind.replace('notifier.secret.', ''))).toEqual(
      expect.arrayContaining(['set', 'rotate', 'remove']),
    )
    expect(JSON.stringify(audited)).not.toMatch(/canary|ciphertext/)
  })
})

test('subscriptions join people to companies and channels, once, and part them again', async () => {
  const { database } = installation
  const company = await addCompany(database, 'acme')
  await addCompany(database, 'globex')
  const cyd = await json<Added>('people', 'add', '--name', 'Cyd')
  const channel = await json<Added>('channels', 'add', '--type', 'EMAIL', '--destination', 'cyd@example.com')
  const add = (...target: string[]) =>
    json<{ added: number; known: number }>('subscriptions', 'add', '--person', 'Cyd', ...target)

  expect(await add('--company', 'acme')).toEqual({ added: 1, known: 0 })
  await expect(add('--company', String(company))).rejects.toThrow(
    `Person ${cyd.id} already has this subscription: use --if-missing`,
  )
  expect(await add('--company', 'acme', '--if-missing')).toEqual({ added: 0, known: 1 })
  expect(await add('--all-companies')).toEqual({ added: 1, known: 1 })
  expect(await add('--channel', String(channel.id), '--purpose', 'REPORT')).toEqual({ added: 1, known: 0 })
  expect(await add('--channel', String(channel.id))).toEqual({ added: 1, known: 0 })
  await expect(add('--company', 'acme', '--channel', '1')).rejects.toThrow(
    'Give one of --company, --all-companies and --channel',
  )
  await expect(add('--company', 'initech')).rejects.toThrow('There is no company "initech"')
  await expect(add('--channel', '999999')).rejects.toThrow('There is no channel 999999')
  await expect(add('--channel', String(channel.id), '--purpose', 'FUN')).rejects.toThrow(
    'Allowed choices are NOTIFICATION, REPORT',
  )

  expect(await json('subscriptions', 'ls')).toEqual([
    {
      person_id: cyd.id,
      person: 'Cyd',
      to: 'channel',
      id: channel.id,
      name: 'EMAIL cyd@example.com',
      purpose: 'NOTIFICATION',
    },
    { person_id: cyd.id, person: 'Cyd', to: 'company', id: company, name: 'acme', purpose: null },
    { person_id: cyd.id, person: 'Cyd', to: 'company', id: company + 1, name: 'globex', purpose: null },
  ])
  await expect(parma('subscriptions', 'rm', '--person', 'Cyd', '--all-companies')).rejects.toThrow(
    /This ends 2 subscriptions of person \d+\. Confirm with --yes\./,
  )
  expect(await json('subscriptions', 'rm', '--person', 'Cyd', '--all-companies', '--yes')).toEqual({ removed: 2 })
  expect(await json('subscriptions', 'rm', '--person', 'Cyd', '--all-companies')).toEqual({ removed: 0 })
  await parma('subscriptions', 'rm', '--person', 'Cyd', '--channel', String(channel.id), '--yes')
  await expect(parma('subscriptions', 'rm', '--person', 'Cyd', '--company', 'acme')).rejects.toThrow(
    'has no such subscription',
  )
  expect(await json('subscriptions', 'ls')).toEqual([])
})

test('subscriptions of our own say more than parma-web can', async () => {
  const { database } = installation
  await parma('people', 'add', '--name', 'Dan')
  const channel = await json<Added>('channels', 'add', '--type', 'EMAIL', '--destination', 'dan@example.com')
  const add = (...target: string[]) => json<{ added: number }>('subscriptions', 'add', '--person', 'Dan', ...target)
  await database.query(
    `INSERT INTO bucket (title, owner_id, modified_at) SELECT 'Rivals', id, now() FROM "user" WHERE name = 'Dan'`,
  )

  expect(await add('--bucket', 'Rivals', '--severity', 'warning', '--kind', 'gone', 'appeared')).toEqual({
    added: 1,
    known: 0,
  })
  await expect(add('--bucket', 'Rivals', '--severity', 'warning', '--kind', 'gone', 'appeared')).rejects.toThrow(
    'This subscription already exists',
  )
  await expect(add('--severity', 'critical', '--only-channel', String(channel.id))).rejects.toThrow(
    'gets no messages at channel',
  )
  await add('--channel', String(channel.id))
  await add('--severity', 'critical', '--only-channel', String(channel.id))
  for (const [target, problem] of [
    [['--bucket', 'none'], 'There is no bucket "none"'],
    [['--source', 'none'], 'There is no source "none"'],
    [['--company', 'acme', '--bucket', 'Rivals'], 'Give one of --company, --bucket and --all-companies'],
    [['--bucket', 'Rivals', '--channel', String(channel.id)], 'use --only-channel'],
    [['--kind', 'vanished'], 'Allowed choices are threshold, changed, appeared, gone'],
  ] as const)
    await expect(add(...target)).rejects.toThrow(problem)

  const own = async () =>
    (await json<{ id: number; to: string; name: string }[]>('subscriptions', 'ls')).filter(({ to }) => to === 'own')
  const [first, second] = await own()
  expect(first?.name).toBe('bucket Rivals, warning and above, kinds gone appeared')
  expect(second?.name).toBe(`all companies, critical and above, at channel ${channel.id}`)
  await parma(
    'subscriptions',
    'edit',
    String(first?.id),
    '--severity',
    'info',
    '--kind',
    'all',
    '--only-channel',
    String(channel.id),
  )
  expect((await own())[0]?.name).toBe(`bucket Rivals, at channel ${channel.id}`)
  await expect(parma('subscriptions', 'edit', '999999', '--severity', 'info')).rejects.toThrow(
    'There is no subscription 999999',
  )
  for (const one of [first, second])
    await parma('subscriptions', 'rm', '--person', 'Dan', '--id', String(one?.id), '--yes')
  expect(await own()).toEqual([])
  await expect(parma('subscriptions', 'preview', randomUUID())).rejects.toThrow('The notifier has no news item')
})

test('quiet hours and mutes are checked, listed and end', async () => {
  await parma('people', 'add', '--name', 'Eve')
  const quiet = (...more: string[]) =>
    parma('quiet', 'set', '--person', 'Eve', '--from', '22:00', '--to', '07:00', ...more)
  await expect(quiet('--zone', 'Mars/Olympus')).rejects.toThrow('There is no time zone "Mars/Olympus"')
  await expect(
    parma('quiet', 'set', '--person', 'Eve', '--from', '24:00', '--to', '7:00', '--zone', 'UTC'),
  ).rejects.toThrow('--from is "24:00"')
  await quiet('--zone', 'UTC')
  await quiet('--zone', 'Europe/Berlin', '--day', 'friday', 'saturday', '--hold-critical')
  expect(await json('quiet', 'ls')).toEqual([
    {
      ...{ id: expect.any(Number) as number, person: 'Eve', from: '22:00', to: '07:00', zone: 'Europe/Berlin' },
      ...{ days: ['friday', 'saturday'], critical: 'waits' },
    },
  ])
  await expect(parma('quiet', 'rm', '--person', 'Eve')).rejects.toThrow(
    /This removes all quiet hours of person \d+ \(\d\)\..* Confirm with --yes\./,
  )
  await expect(quiet('--none', '--zone', 'UTC')).rejects.toThrow('--none goes without --from')
  await parma('quiet', 'set', '--person', 'Eve', '--none', '--zone', 'Europe/Berlin')
  expect(await json('quiet', 'ls')).toMatchObject([{ person: 'Eve', zone: 'Europe/Berlin', days: 'never' }])
  await quiet('--zone', 'UTC', '--add')
  expect(await json('quiet', 'ls')).toMatchObject([{ days: 'every day' }])
  await parma('quiet', 'rm', '--person', 'Eve', '--yes')
  await expect(parma('quiet', 'rm', '--person', 'Eve')).rejects.toThrow('This person has no quiet hours')

  const mute = await json<{ id: number }>(
    'mute',
    'add',
    '--person',
    'Eve',
    '--company',
    'acme',
    '--below',
    'critical',
    '--for',
    '2h',
  )
  await parma('mute', 'add', '--person', 'Eve')
  await expect(parma('mute', 'add', '--person', 'Eve', '--for', 'ever')).rejects.toThrow('--for is "ever"')
  expect(await json('mute', 'ls')).toMatchObject([
    { id: mute.id, what: 'company acme', below: 'critical', until: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    { what: 'everything', below: null, until: null },
  ])
  await expect(parma('mute', 'rm', String(mute.id))).rejects.toThrow(
    /This ends mute \d+ of Eve \(.+\)\. Confirm with --yes\./,
  )
  await parma('mute', 'rm', String(mute.id), '--yes')
  await expect(parma('mute', 'rm', String(mute.id))).rejects.toThrow(`There is no mute ${mute.id}`)

  await quiet('--zone', 'UTC')
  await parma('subscriptions', 'add', '--person', 'Eve', '--severity', 'critical')
  await parma('people', 'rm', 'Eve', '--yes')
  for (const table of ['mute', 'quiet_hours', 'subscription'])
    expect(await installation.database.query(`SELECT FROM notifier.${table}`), table).toEqual([])
})
