import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { formerSettings, ignored, replaced, unchanged } from '#runtime/process/legacy-env.ts'
import { groupSettings } from './group-settings.ts'
import { isConfidential, readSettingsOfServices } from './read-settings.ts'

/** Every variable the predecessor read (contract sections 7, 14 and 15.5), and PORT, which Cloud Run gave it. */
const variables = [
  ...['POSTGRES_HOST', 'POSTGRES_PORT', 'POSTGRES_USER', 'POSTGRES_PASSWORD', 'POSTGRES_DB', 'PORT'],
  ...['DEPLOYMENT_ENV', 'PARMA_SHARED_SECRET_KEY', 'PARMA_ANALYTICS_SECRET_KEY'],
  ...['FIREBASE_ADMINSDK_CERTIFICATE', 'GCP_SECRET_MANAGER_CERTIFICATE', 'CHATGPT_API_KEY'],
  ...['SENDGRID_API_KEY', 'SENDGRID_FROM_EMAIL', 'SENDGRID_NOTIFICATION_TEMPLATE_ID', 'SENDGRID_REPORT_TEMPLATE_ID'],
]

describe('the variables of the predecessor', () => {
  let settings: Awaited<ReturnType<typeof readSettingsOfServices>>
  beforeAll(async () => void (settings = await readSettingsOfServices()))

  test('are all in the table, once', () => {
    const text = readFileSync(new URL('SETTINGS.md', import.meta.url), 'utf8')
    const [, table = ''] = /## Variables of the predecessor(.*?)\n## /s.exec(text) ?? []
    const names = [...table.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? [])
    expect(names.sort()).toEqual(variables.sort())
  })

  test.each(Object.entries(replaced))(
    '%s takes their place where a service reads it',
    (setting, { variables, compose }) => {
      const schema = settings.get(setting)?.schema
      const given = Object.fromEntries(variables.map((name) => [name, samples[name]]))
      expect(schema?.safeParse(compose(given)).success).toBe(true)
    },
  )

  test('that mean what they meant are settings, and those without effect are none', () => {
    expect(Object.keys(unchanged).filter((name) => !settings.has(name))).toEqual([])
    expect(Object.keys({ ...ignored, ...formerSettings }).filter((name) => settings.has(name))).toEqual([])
  })
})

describe('SETTINGS.md', () => {
  const text = readFileSync(new URL('SETTINGS.md', import.meta.url), 'utf8')

  test('has a row for each setting, and marks secrets', async () => {
    const rows = [...text.matchAll(/^\| `(\w+)`( \(secret\))? \| .*\|$/gm)].filter(
      ([row]) => row.split(' | ').length > 2,
    )
    for (const [name, { schema }] of await readSettingsOfServices()) {
      const mine = rows.filter(([, of, mark]) => of === name && (mark !== undefined) === isConfidential(schema))
      expect(mine, name).not.toEqual([])
    }
  })

  test('begins with few: those to set first are at most 25', async () => {
    const settings = [...(await readSettingsOfServices()).values()]
    const first = settings.filter(({ schema }) => schema.meta()?.basic === true)
    expect(first.length).toBeGreaterThan(10)
    expect(first.length).toBeLessThanOrEqual(25)
  })

  test('has each setting in one group', async () => {
    const settings = await readSettingsOfServices()
    const grouped = (await groupSettings(settings)).flatMap(({ names }) => names)
    expect([...grouped].sort()).toEqual([...settings.keys()].sort())
  })

  test('cannot be written when settings belong to no group', async () => {
    const [setting] = (await readSettingsOfServices()).values()
    const strange = new Map([['STRANGE', { ...setting!, services: ['strange'] }]])
    await expect(groupSettings(strange)).rejects.toThrow('has no group strange')
  })
})

test('the compatibility table names no setting that is not there', async () => {
  const settings = await readSettingsOfServices()
  const text = readFileSync(new URL('../services/edge/COMPATIBILITY.md', import.meta.url), 'utf8')
  const named = new Set([...text.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)].map(([name]) => name))
  expect(named.size).toBeGreaterThan(10)
  expect([...named].filter((name) => !settings.has(name))).toEqual([])
})

const samples: Record<string, string> = {
  POSTGRES_HOST: 'db',
  POSTGRES_PORT: '5432',
  POSTGRES_USER: 'parma',
  POSTGRES_PASSWORD: 'p',
  POSTGRES_DB: 'parma',
  PORT: '8000',
  SENDGRID_FROM_EMAIL: 'parma@example.com',
}
