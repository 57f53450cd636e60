import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'

let edge: TestEdge
beforeAll(async () => {
  edge = useEdge(await createInstallation(), '')
})

type Row = Record<string, unknown>
const parma = async <T = Row>(...args: string[]): Promise<T> => JSON.parse(await edge.parma(...args, '--json')) as T
const rows = (text: string, ...values: unknown[]) => edge.database.query<Row>(text, values)
const isUtcNow = `abs(extract(epoch FROM modified_at - now() AT TIME ZONE 'UTC')) < 60 AND abs(extract(epoch FROM created_at - now() AT TIME ZONE 'UTC')) < 60`

describe('sources', () => {
  const add = (name: string, ...more: string[]) =>
    parma('sources', 'add', '--name', name, '--endpoint', 'module.example:8080/a', '--frequency', 'weekly', ...more)

  test('are added once, as parma-web would, and listed', async () => {
    const { id, added } = await add('github', '--max-run-seconds', '60')
    expect(added).toBe(true)
    expect(
      await rows(
        `SELECT source_name, is_active, frequency, health_status, max_run_seconds, invocation_endpoint, version, ${isUtcNow} AS now FROM data_source`,
      ),
    ).toEqual([
      {
        source_name: 'github',
        is_active: true,
        frequency: 'WEEKLY',
        health_status: 'UP',
        max_run_seconds: 60,
        invocation_endpoint: 'module.example:8080/a',
        version: '1.0',
        now: true,
      },
    ])
    await expect(add('github')).rejects.toThrow(
      `Source ${String(id)} is already called github. Use --if-missing or \`parma sources edit ${String(id)}\`.`,
    )
    expect(await add('github', '--if-missing')).toEqual({ id, added: false })
    expect(await parma<Row[]>('sources', 'ls')).toEqual([
      {
        id,
        name: 'github',
        endpoint: 'module.example:8080/a',
        frequency: 'weekly',
        active: true,
        health: 'UP',
        max_run_seconds: 60,
        measurements: 0,
        map_version: null,
      },
    ])
    expect(await edge.parma('sources', 'ls')).toContain('github')
  })

  test('are linked with every company only if asked, also if the triggers are missing', async () => {
    const company = await edge.addCompany('Linked')
    const linksOf = async (source: unknown) =>
      (await rows('SELECT FROM company_data_source WHERE data_source_id = $1', source)).length
    const { id: alone } = await add('alone')
    expect(await linksOf(alone)).toBe(0)
    const link = () => parma('companies', 'link', '--company', 'Linked', '--source', 'alone')
    expect([await link(), await link(), await linksOf(alone)]).toEqual([
      { id: null, added: true },
      { id: null, added: false },
      1,
    ])
    await parma('sources', 'edit', 'alone', '--all-companies')
    expect(await linksOf(alone)).toBe((await rows('SELECT FROM company')).length)
    await expect(
      parma('companies', 'link', '--company', 'Linked', '--source', 'alone', '--value', 'x'),
    ).rejects.toThrow('Give both --property and --value')
    await rows('ALTER TABLE data_source DISABLE TRIGGER USER')
    const { id } = await add('without-trigger', '--all-companies')
    await rows('ALTER TABLE data_source ENABLE TRIGGER USER')
    const { id: other } = await add('with-trigger', '--all-companies')
    const links = await rows(
      'SELECT data_source_id, is_data_source_active, health_status FROM company_data_source WHERE company_id = $1 AND data_source_id IN ($2, $3) ORDER BY 1',
      company,
      id,
      other,
    )
    expect(links).toEqual(
      [id, other].map((source) => ({ data_source_id: source, is_data_source_active: true, health_status: 'UP' })),
    )
  })

  test('are changed, by id or name', async () => {
    const { id } = await add('changing', '--inactive')
    await parma(
      'sources',
      'edit',
      'changing',
      '--name',
      'changed',
      '--frequency',
      'hourly',
      '--active',
      '--endpoint',
      'http://b',
    )
    const changed = {
      source_name: 'changed',
      is_active: true,
      frequency: 'HOURLY',
      invocation_endpoint: 'http://b',
      max_run_seconds: 300,
    }
    expect(
      await rows(
        'SELECT source_name, is_active, frequency, invocation_endpoint, max_run_seconds FROM data_source WHERE id = $1',
        id,
      ),
    ).toEqual([changed])
    await parma('sources', 'edit', String(id), '--no-active', '--max-run-seconds', '5')
    expect(await rows('SELECT is_active, max_run_seconds, frequency FROM data_source WHERE id = $1', id)).toEqual([
      { is_active: false, max_run_seconds: 5, frequency: 'HOURLY' },
    ])
    await expect(parma('sources', 'edit', 'changed', '--name', 'github')).rejects.toThrow('is already called github')
    await expect(parma('sources', 'edit', 'changed')).rejects.toThrow('Nothing to change')
  })

  test('are removed only with --yes, and not while news items refer to them', async () => {
    const { id } = await add('leaving')
    await expect(parma('sources', 'rm', 'leaving')).rejects.toThrow(
      `This removes source ${String(id)} (leaving). Confirm with --yes.`,
    )
    const company = await edge.addCompany('Newsworthy')
    const [measurement] = await rows(
      `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, 'int', 'a', now()) RETURNING id`,
      id,
    )
    await rows(
      `INSERT INTO news (message, company_id, data_source_id, timestamp, source_measurement_id, modified_at) VALUES ('', $1, $2, now(), $3, now())`,
      company,
      id,
      measurement?.['id'],
    )
    await expect(parma('sources', 'rm', 'leaving', '--yes')).rejects.toThrow(
      /cannot be removed: news items refer to it \(1\)\. .*--no-active`, or remove them with it: --with-news/,
    )
    await rows(
      `INSERT INTO notification (message, company_id, data_source_id, modified_at) VALUES ('', $1, $2, now())`,
      company,
      id,
    )
    await expect(parma('sources', 'rm', 'leaving', '--with-news')).rejects.toThrow(
      '(leaving) with 1 measurement, all their values, 1 news item and 1 notification. Confirm with --yes.',
    )
    expect(await parma('sources', 'rm', String(id), '--with-news', '--yes')).toEqual({ id })
    expect(await rows('SELECT id FROM data_source WHERE id = $1', id)).toEqual([])
    expect(await rows('SELECT id FROM news UNION ALL SELECT id FROM notification')).toEqual([])
  })

  test('that people were notified about are removed with their notifications', async () => {
    const { id } = await add('told')
    await rows(
      `INSERT INTO notification (message, company_id, data_source_id, modified_at) VALUES ('', $1, $2, now())`,
      await edge.addCompany('Notified'),
      id,
    )
    expect(await parma('sources', 'rm', 'told', '--yes')).toEqual({ id })
  })

  test.each([
    [
      ['--name', 'Git Hub', '--endpoint', 'x', '--frequency', 'daily'],
      /--name is "Git Hub"\. Only a-z, 0-9, _ and - are allowed/,
    ],
    // Firestore reserves such names.
    [
      ['--name', '__a__', '--endpoint', 'x', '--frequency', 'daily'],
      /--name is "__a__"\. .* names such as __this__ are not/,
    ],
    [
      ['--name', 'a', '--endpoint', 'ftp://x', '--frequency', 'daily'],
      /--endpoint: "ftp:\/\/x" is not the address of a mining module/,
    ],
    [['--name', 'a', '--endpoint', 'x', '--frequency', 'yearly'], /Allowed choices are hourly, daily, weekly, monthly/],
    [
      ['--name', 'a', '--endpoint', 'x', '--frequency', 'daily', '--max-run-seconds', '0'],
      /--max-run-seconds is "0": give a whole number above 0/,
    ],
    [['--name', 'a'], /needs --name, --endpoint and --frequency/],
  ])('add %j is refused', async (args, message) => {
    await expect(parma('sources', 'add', ...args)).rejects.toThrow(message)
  })

  test('that do not exist are named', async () => {
    await expect(parma('sources', 'rm', 'nobody')).rejects.toThrow(
      'There is no source "nobody". `parma sources ls` shows which there are.',
    )
  })
})

describe('companies', () => {
  test('are added once, changed, listed and removed', async () => {
    await rows('ALTER TABLE company DISABLE TRIGGER USER')
    const { id } = await parma('companies', 'add', '--name', ' Acme ', '--description', 'anvils')
    await rows('ALTER TABLE company ENABLE TRIGGER USER')
    const [{ count } = {}] = await rows('SELECT count(*)::int AS count FROM data_source')
    expect(await rows(`SELECT name, description, added_by, ${isUtcNow} AS now FROM company WHERE id = $1`, id)).toEqual(
      [{ name: 'Acme', description: 'anvils', added_by: null, now: true }],
    )
    expect((await parma<Row[]>('companies', 'ls')).find((row) => row['id'] === id)).toEqual({
      id,
      name: 'Acme',
      description: 'anvils',
      sources: count,
      identifiers: 0,
    })
    await expect(parma('companies', 'add', '--name', 'Acme')).rejects.toThrow(
      `Company ${String(id)} is already called Acme`,
    )
    expect(await parma('companies', 'add', '--name', 'Acme', '--if-missing')).toEqual({
      id,
      name: 'Acme',
      added: false,
    })
    const both = ['companies', 'add', '--name', 'Acme', 'Beta', '--if-missing']
    const beta = { id: expect.any(Number), name: 'Beta' }
    expect(await parma(...both)).toEqual([
      { id, name: 'Acme', added: false },
      { ...beta, added: true },
    ])
    expect(await parma(...both)).toMatchObject([{ added: false }, { added: false }])
    await expect(parma('companies', 'add', '--name', ' ')).rejects.toThrow('--name is empty')
    await parma('companies', 'edit', 'Acme', '--name', 'Acme Inc')
    expect(await rows('SELECT name, description FROM company WHERE id = $1', id)).toEqual([
      { name: 'Acme Inc', description: 'anvils' },
    ])
    await rows(`INSERT INTO report (company_id, name, report_file_url, modified_at) VALUES ($1, '', '', now())`, id)
    await rows(
      `INSERT INTO notification (message, company_id, data_source_id, modified_at)
       SELECT '', $1, min(id), now() FROM data_source, generate_series(1, 2) GROUP BY generate_series`,
      id,
    )
    await expect(parma('companies', 'rm', 'Acme Inc')).rejects.toThrow(
      `This removes company ${String(id)} (Acme Inc) with all its values, subscriptions, 2 notifications and 1 report. Confirm with --yes.`,
    )
    expect(await parma('companies', 'rm', 'Acme Inc', '--yes')).toEqual({ id })
  })

  test('of the same name are told apart by id', async () => {
    const ids = [await edge.addCompany('Twin'), await edge.addCompany('Twin')]
    await expect(parma('companies', 'edit', 'Twin', '--description', 'x')).rejects.toThrow(
      `2 are called "Twin": give one of the ids ${ids.join(', ')}.`,
    )
    expect(await parma('companies', 'edit', String(ids[1]), '--description', 'x')).toEqual({ id: ids[1] })
  })

  test('get manual identifiers that are valid for six months, once each', async () => {
    const company = await edge.addCompany('Identified')
    const source = await edge.addSource('identifying')
    const link = () =>
      parma(
        'companies',
        'link',
        '--company',
        'Identified',
        '--source',
        'identifying',
        '--property',
        'handles',
        '--value',
        'acme',
      )
    const { id, added } = await link()
    expect(added).toBe(true)
    await rows(`UPDATE company_data_source_identifier SET validity = '2020-01-01'`)
    expect(await link()).toEqual({ id, added: false })
    const [renewed] = await rows(
      `SELECT before ->> 'validity' AS before, after ->> 'value' AS value FROM edge.audit
       WHERE kind = 'edge.company.renew' AND subject = $1`,
      `company:${company}`,
    )
    expect(renewed).toEqual({ before: expect.stringMatching(/^2020-01-01/), value: 'acme' })
    expect(
      await rows(
        `SELECT i.identifier_type, i.property, i.value, i.validity > now() AT TIME ZONE 'UTC' + interval '5 months' AS holds
         FROM company_data_source_identifier i JOIN company_data_source l ON l.id = i.company_data_source_id
         WHERE l.company_id = $1 AND l.data_source_id = $2`,
        company,
        source,
      ),
    ).toEqual([{ identifier_type: 'MANUALLY_ADDED', property: 'handles', value: 'acme', holds: true }])
  })
})

test('rows of parma-web that keep it from deleting companies are removed', async () => {
  const [kept, company] = [await edge.addCompany('Kept'), await edge.addCompany('Told')]
  const source = await edge.addSource('telling')
  for (const id of [kept, company, company])
    await rows(
      `INSERT INTO notification (message, company_id, data_source_id, created_at, modified_at)
       VALUES ('', $1, $2, '2026-03-10T12:00:00', now())`,
      id,
      source,
    )
  await rows(
    `INSERT INTO report (company_id, name, report_file_url, created_at, modified_at)
     VALUES ($1, '', '', '2026-03-11T12:00:00', now())`,
    company,
  )
  const prune = <T = Row>(...args: string[]) => parma<T>('public', 'prune', ...args)
  expect(await prune('--company', 'Told', '--dry-run')).toEqual([
    {
      ...{ company_id: company, company: 'Told', notifications: 2, reports: 1 },
      ...{ oldest: '2026-03-10T12:00:00Z', newest: '2026-03-11T12:00:00Z' },
    },
  ])
  await expect(prune('--company', 'Told')).rejects.toThrow(
    "This removes 2 notifications and 1 report in parma-web's tables. Confirm with --yes.",
  )
  expect(await prune('--company', 'Told', '--yes')).toEqual({ notifications: 2, reports: 1 })
  await rows('DELETE FROM company WHERE id = $1', company)
  expect(await prune('--yes')).toEqual({ notifications: 1, reports: 0 })
  expect(await prune()).toEqual({ notifications: 0, reports: 0 })
})

describe('token mint', () => {
  test('creates a token for a source and a task', async () => {
    const source = await edge.addSource('minting')
    const task = await edge.addTask(source)
    const { token, source_id, task_id, expires_at } = await parma(
      'token',
      'mint',
      '--source',
      'minting',
      '--task',
      String(task),
      '--ttl',
      '60',
    )
    expect([source_id, task_id]).toEqual([source, task])
    const outer = decodeJwt<{ sourcing_id: string }>(String(token))
    expect(decodeJwt(outer.sourcing_id)).toMatchObject({
      sourcing_id: source,
      task_id: task,
      exp: Math.floor(Date.parse(String(expires_at)) / 1000),
    })
    expect(Math.abs(Date.parse(String(expires_at)) - Date.now() - 60_000)).toBeLessThan(30_000)
    const minted = await rows(
      `SELECT after ->> 'task' AS task, after ->> 'expires_at' AS expires_at FROM edge.audit
       WHERE kind = 'edge.token.mint' AND subject = $1`,
      `source:${source}`,
    )
    expect(minted).toEqual([{ task: String(task), expires_at }])
    expect((await edge.parma('token', 'mint', '--source', String(source))).trim()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    const other = await edge.addTask(await edge.addSource('other'))
    await expect(parma('token', 'mint', '--source', 'minting', '--task', String(other))).rejects.toThrow(
      /^parma token .*\nTask \d+ belongs to source \d+\./s,
    )
    await expect(parma('token', 'mint', '--source', 'minting', '--task', '999999')).rejects.toThrow(
      'Task 999999 does not exist.',
    )
  })
})

describe('keys', () => {
  const create = (...args: string[]) => parma('keys', 'create', ...args)

  test('are shown once, kept as a hash, listed and revoked', async () => {
    const { id, key, ...rest } = await create('--name', ' console ', '--role', 'viewer')
    expect([rest, key]).toEqual([
      { name: 'console', role: 'viewer', source_id: null, expires_at: null },
      expect.stringMatching(/^parma_[\w-]{43}$/),
    ])
    const stored = JSON.stringify(await rows('SELECT *, encode(hash, $1) AS text FROM edge.api_key', 'escape'))
    expect(stored).not.toContain(String(key).slice(12))
    const [listed] = await parma<Row[]>('keys', 'ls')
    expect(listed).toEqual({
      ...{ id, name: 'console', role: 'viewer', source: null, key: `${String(key).slice(0, 10)}…`, state: 'good' },
      ...{ created_at: expect.stringMatching(/Z$/), last_used_at: null, expires_at: null, revoked_at: null },
    })
    await expect(create('--name', 'console', '--role', 'operator')).rejects.toThrow(
      'A key called "console" already exists. Revoke it or choose another name.',
    )
    await expect(parma('keys', 'revoke', 'console')).rejects.toThrow(
      `This revokes key ${String(id)} for good. Programs that use it are answered with 401. Confirm with --yes.`,
    )
    expect(await parma('keys', 'revoke', 'console', '--yes')).toEqual({ id })
    expect((await parma<Row[]>('keys', 'ls'))[0]).toMatchObject({ state: 'revoked' })
    await expect(parma('keys', 'revoke', String(id))).rejects.toThrow(`Key ${String(id)} is already revoked.`)
    const again = (await edge.parma('keys', 'create', '--name', 'console', '--role', 'operator')).trim()
    expect(again).toMatch(/^parma_[\w-]{43}$/)
    await expect(parma('keys', 'revoke', 'nobody')).rejects.toThrow('Key "nobody" does not exist.')
  })

  test('may expire', async () => {
    const { expires_at } = await create('--name', 'days', '--role', 'viewer', '--expires', '2d')
    expect(Math.abs(Date.parse(String(expires_at)) - Date.now() - 2 * 86_400_000)).toBeLessThan(60_000)
    for (const [wrong, reason] of [
      ['2001-01-01', 'it is in the past'],
      ['2027-13-01', 'month 13 is not 1–12'],
      ['soon', 'give a time in the future'],
    ])
      await expect(create('--name', 'wrong', '--role', 'viewer', '--expires', wrong!)).rejects.toThrow(
        `--expires is "${wrong}": ${reason}`,
      )
  })

  test('need a role and a name', async () => {
    await expect(create('--name', 'x', '--role', 'owner')).rejects.toThrow(/viewer, operator/)
    await expect(create('--name', ' ', '--role', 'viewer')).rejects.toThrow('--name is empty')
  })
})
