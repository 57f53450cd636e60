import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { formerSettings, ignored, replaced, unchanged } from '#runtime/process/legacy-env.ts'
import { readSettingsOfServices } from './settings.ts'

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

test('the compatibility table names no setting that is not there', async () => {
  const settings = await readSettingsOfServices()
  const text = readFileSync(new URL('../services/edge/README.md', import.meta.url), 'utf8')
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
