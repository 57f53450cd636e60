import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, count, flag, list, problemsOf, readEnv, secret } from './config.ts'
import { kafkaSettings, linkSettings, serviceSettings } from './settings.ts'

const shape = {
  DEPLOYMENT_ENV: serviceSettings.DEPLOYMENT_ENV,
  NAME: z.string().describe('What it is called.'),
  LIMIT: count(7).describe('How many.'),
  KEY: secret().describe('A secret.'),
}
const long = 'k'.repeat(32)

test('takes values, defaults, and nothing else', () => {
  expect(readEnv(shape, { NAME: 'a', KEY: long, OTHER: 'x' })).toEqual({
    DEPLOYMENT_ENV: 'prod',
    NAME: 'a',
    LIMIT: 7,
    KEY: long,
  })
})

test('names every wrong variable at once, with its meaning', () => {
  expect(() => readEnv(shape, { LIMIT: 'many', DEPLOYMENT_ENV: 'moon' })).toThrow(
    /DEPLOYMENT_ENV is wrong.*\n.*NAME is missing\. What it is called\.\n.*LIMIT is wrong.*How many\.\n.*KEY is missing/,
  )
})

describe('a check', () => {
  const check = ({ NAME, LIMIT, KEY }: { NAME?: string; LIMIT?: number; KEY?: string }) => [
    ...(LIMIT !== undefined && LIMIT > 9 ? ['NAME does not go with that LIMIT.'] : []),
    ...(NAME === undefined || KEY === undefined ? ['KEY is needed with NAME.'] : []),
    ...problemsOf(() => {
      if (NAME === 'bad') throw new ConfigError(['NAME is bad.', 'And so is the rest.'])
    }),
  ]
  const read = (env: Record<string, string>) => readEnv(shape, { KEY: long, ...env }, check)

  test('adds its problems to those of the settings themselves', () => {
    expect(() => read({ NAME: 'a', LIMIT: '10', DEPLOYMENT_ENV: 'moon' })).toThrow(
      /DEPLOYMENT_ENV is wrong.*\n  NAME does not go with that LIMIT\.$/,
    )
    expect(() => read({ NAME: 'bad' })).toThrow(/NAME is bad\.\n  And so is the rest\.$/)
    expect(read({ NAME: 'a' }).LIMIT).toBe(7)
  })

  test('says nothing of a setting that is wrong in itself', () => {
    expect(() => read({ NAME: 'a', KEY: '' })).toThrow(/:\n  KEY is missing\. A secret\.$/)
    expect(() => read({ NAME: 'a', LIMIT: 'many' })).toThrow(/:\n  LIMIT is wrong.* How many\.$/)
  })
})

test('empty counts as not set', () => {
  expect(() => readEnv(shape, { NAME: '', KEY: long })).toThrow('NAME is missing')
})

test('reads <NAME>_FILE, refuses both, and names a file that is not there', () => {
  const dir = mkdtempSync(join(tmpdir(), 'config-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'key')
  writeFileSync(file, `${long}\n`)
  expect(readEnv(shape, { NAME: 'a', KEY_FILE: file }).KEY).toBe(long)
  expect(() => readEnv(shape, { NAME: 'a', KEY_FILE: file, KEY: long })).toThrow('KEY and KEY_FILE are both set')
  expect(() => readEnv(shape, { NAME: 'a', KEY_FILE: join(dir, 'none') })).toThrow(/KEY_FILE cannot be read.*none/)
})

test.each([
  ['short', /KEY is shorter than 32 bytes/],
  ['KEY', /KEY is its own name/],
])('refuses the secret %s outside of local', (value, message) => {
  expect(() => readEnv(shape, { NAME: 'a', KEY: value })).toThrow(message)
  expect(() => readEnv({ KEY: secret().optional().describe('One that may be missing.') }, { KEY: value })).toThrow(
    message,
  )
  expect(readEnv(shape, { NAME: 'a', KEY: value, DEPLOYMENT_ENV: 'local' }).KEY).toBe(value)
})

test('flags and lists', () => {
  expect(readEnv({ ON: flag(false), NAMES: list() }, { ON: 'true', NAMES: 'a, b,,c' })).toEqual({
    ON: true,
    NAMES: ['a', 'b', 'c'],
  })
  expect(() => readEnv({ ON: flag(false) }, { ON: 'yes' })).toThrow('ON is wrong')
})

test('every setting says what it is for', () => {
  for (const [name, schema] of Object.entries({ ...serviceSettings, ...kafkaSettings }))
    expect(schema.description, name).toMatch(/^.{10,}\.$/)
})

test('LINK_SECRET is one secret or two, each of them strong', () => {
  const read = (LINK_SECRET: string) => readEnv(linkSettings, { LINK_SECRET }).LINK_SECRET
  const other = 'o'.repeat(32)
  for (const good of [long, `${other},${long}`, `${other}, ${long}`]) expect(read(good)).toBe(good)
  for (const weak of ['short', `${other},short`, `short,${other}`, `${other},LINK_SECRET`])
    expect(() => read(weak)).toThrow(/LINK_SECRET is (shorter|its own name)/)
  for (const wrong of [`${other},`, `,${other}`, `${other},${long},${long}`])
    expect(() => read(wrong)).toThrow('LINK_SECRET is wrong: not one secret, or two with a comma between them')
})
