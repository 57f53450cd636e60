import { expect, test, vi } from 'vitest'
import { commands } from '../../services/notifier/commands.ts'
import { readDigestConfig } from '../../services/notifier/config.ts'
import { noteDigestSettings } from '../../services/notifier/digests/noted-settings.ts'
import { openPool } from '../../services/runtime/postgres/database.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { checkWhyLink } from '../../services/runtime/web/signed-links.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase } from '../harness/database.ts'
import { unique } from '../harness/mailbox.ts'
import { addNews, messagesTo, report } from '../harness/notifier/digests.ts'
import { addCompany, addPerson } from '../harness/notifier/setup.ts'
import { runCommand } from '../harness/run-command.ts'

const database = await createDatabase()
vi.stubEnv('DATABASE_URL', database.url)
vi.stubEnv('DEPLOYMENT_ENV', 'local')
onCleanup(() => void vi.unstubAllEnvs())

const digests = <T>(...args: string[]) => runCommand<T>(commands.digests, ...args)
type Listed = {
  person_id: number
  bucket: string | null
  rhythm: string
  at: string
  zone: string
  set: boolean
  last: string | null
}

test('parma digests shows who gets what, changes it, previews a digest, and sends it once', async () => {
  const company = await addCompany(database, 'acme')
  const address = `${unique('ann')}@example.com`
  const person = await addPerson(database, { name: 'Ann', companies: [company], channels: [report(address)] })
  const listed = async () => (await digests<Listed[]>('ls')).filter(({ person_id }) => person_id === person)
  expect(await listed()).toMatchObject([
    { bucket: null, rhythm: 'weekly', at: 'monday 08:00', zone: 'UTC', set: false },
  ])

  const daily = ['--rhythm', 'daily', '--hour', '7', '--zone', 'Europe/Berlin']
  await digests('set', '--person', 'Ann', ...daily)
  expect(await listed()).toMatchObject([{ rhythm: 'daily', at: '07:00', zone: 'Europe/Berlin', set: true, last: null }])
  await expect(digests('set', '--person', 'Ann')).rejects.toThrow('Nothing to set')
  await expect(digests('set', '--person', 'Ann', '--rhythm', 'daily', '--weekday', 'friday')).rejects.toThrow(
    '--weekday is for weekly digests',
  )
  await expect(digests('set', '--person', 'Ann', '--zone', 'Mars')).rejects.toThrow('is not a time zone')
  await expect(digests('set', '--person', 'Ann', '--hour', '24')).rejects.toThrow('from 0 to 23')
  await expect(digests('set', '--person', 'Ann', '--channel', '999')).rejects.toThrow('gets no messages at channel 999')
  await expect(digests('set', '--person', 'Ann', '--bucket', 'Berlin')).rejects.toThrow('There is no bucket "Berlin"')

  const preview = () => digests<{ to: string[]; message: { subject: string } | null }>('preview', '--person', 'Ann')
  expect(await preview()).toMatchObject({ message: null })
  await addNews(database, company, [{ message: 'one' }, { message: 'two' }])
  const shown = { to: [`EMAIL ${address}`], message: { subject: 'Your daily report: 2 news items about acme' } }
  expect(await preview()).toMatchObject(shown)
  expect(await digests('run')).toEqual([])
  const run = (...args: string[]) => digests<{ news?: number }[]>('run', '--person', 'Ann', '--early', ...args)
  expect(await run('--dry-run')).toMatchObject([{ person_id: person, news: 2, companies: 1, channels: 1 }])
  expect(await messagesTo(database, address)).toEqual([])
  await database.query('ALTER TABLE notifier.digest_item ADD CONSTRAINT refuse CHECK (false)')
  await expect(run()).rejects.toThrow('1 of 1 digests failed: their news items wait')
  await database.query('ALTER TABLE notifier.digest_item DROP CONSTRAINT refuse')
  expect(await run()).toMatchObject([{ person_id: person, problem: null }])
  expect(await run()).toEqual([])
  expect(await messagesTo(database, address)).toHaveLength(1)
  expect(await preview()).toMatchObject({ message: null })
  expect((await listed())[0]?.last).toMatch(/^\d{4}-\d{2}-\d{2} made$/)

  await expect(digests('rm', '--person', 'Ann')).rejects.toThrow(
    /This removes what is set for person \d+ \(digests: \w+\)\. Confirm with --yes\./,
  )
  await digests('rm', '--person', 'Ann', '--yes')
  expect(await listed()).toMatchObject([{ rhythm: 'weekly', set: false }])
  await digests('set', '--person', 'Ann', '--rhythm', 'off')
  await expect(preview()).rejects.toThrow('gets no such digest')
})

test('parma digests run makes what the notifier makes, or says what it lacks', async () => {
  const company = await addCompany(database)
  const address = `${unique('bea')}@example.com`
  await addPerson(database, { name: 'Bea', companies: [company], channels: [report(address)] })
  await digests('set', '--person', 'Bea', '--rhythm', 'daily')
  await addNews(database, company, [{ message: 'one' }])
  const of = { PUBLIC_URL: 'https://parma.example', LINK_SECRET: 'l'.repeat(40) }
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url }))
  onCleanup(() => pool.end())
  const notifier = readDigestConfig(
    { DEPLOYMENT_ENV: 'local', ...of, LINK_SECRET: `${of.LINK_SECRET},old` },
    '/nowhere',
  )
  await noteDigestSettings(notifier, pool)
  const stored = await database.query<{ value: string }>('SELECT value FROM notifier.digest_setting')
  expect(stored.some(({ value }) => value.includes(of.LINK_SECRET))).toBe(false)

  const run = (...args: string[]) => digests<object[]>('run', '--person', 'Bea', '--early', ...args)
  await expect(run()).rejects.toThrow(
    [
      'The notifier would make other digests:',
      'PUBLIC_URL is not set here, and https://parma.example/ at the notifier.',
      'LINK_SECRET is not set here, and set at the notifier.',
      'Set what it has, or make them with --own-settings.',
    ].join('\n'),
  )
  vi.stubEnv('PUBLIC_URL', of.PUBLIC_URL)
  vi.stubEnv('LINK_SECRET', 'm'.repeat(40))
  vi.stubEnv('DIGEST_HOUR', '9')
  await expect(run()).rejects.toThrow(
    /LINK_SECRET is another one than the notifier's\.\nDIGEST_HOUR is 9 here, and 8 at the notifier\./,
  )
  vi.stubEnv('LINK_SECRET', of.LINK_SECRET)
  vi.stubEnv('DIGEST_HOUR', '8')
  expect(await run()).toMatchObject([{ person: 'Bea', problem: null }])
  const [message] = await database.query<{ link: string }>(
    `SELECT n.message -> 'lines' -> 0 ->> 'link' AS link
     FROM notifier.notification n JOIN notifier.delivery USING (notification_id)
     JOIN notifier.destination t USING (destination_id) WHERE t.address = $1`,
    [address],
  )
  const { pathname, searchParams } = new URL(message!.link)
  const signed = { until: searchParams.get('until')!, signature: searchParams.get('signature')! }
  expect(checkWhyLink(of.LINK_SECRET, pathname.split('/').at(-1)!, signed, Date.now())).toBe('good')
})
