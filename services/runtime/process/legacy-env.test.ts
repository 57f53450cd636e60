import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { findIgnored, port, readEnv } from './config.ts'
import type { Env } from './legacy-env.ts'
import { postgresSettings } from './settings.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const readUrl = (env: Env) => readEnv({ DATABASE_URL: postgresSettings.DATABASE_URL }, env).DATABASE_URL

describe('POSTGRES_*', () => {
  const user = { POSTGRES_USER: 'parma', POSTGRES_PASSWORD: 'secret' }

  test('are DATABASE_URL where that is not set, with the predecessor’s defaults', () => {
    expect(readUrl(user)).toBe('postgres://parma:secret@localhost:5432/parma_analytics')
    const all = { ...user, POSTGRES_HOST: 'db.internal', POSTGRES_PORT: '9000', POSTGRES_DB: 'parma-prod-db' }
    expect(readUrl(all)).toBe('postgres://parma:secret@db.internal:9000/parma-prod-db')
    expect(readUrl({ ...user, POSTGRES_HOST: '::1' })).toBe('postgres://parma:secret@[::1]:5432/parma_analytics')
  })

  test('give way to DATABASE_URL, however it comes and whatever they are', () => {
    const DATABASE_URL = 'postgres://one:two@three:4/five'
    expect(readUrl({ ...user, POSTGRES_PORT: 'x', DATABASE_URL })).toBe(DATABASE_URL)
    const dir = mkdtempSync(join(tmpdir(), 'predecessor-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    writeFileSync(join(dir, 'url'), DATABASE_URL)
    expect(readUrl({ ...user, DATABASE_URL_FILE: join(dir, 'url') })).toBe(DATABASE_URL)
    writeFileSync(join(dir, 'password'), 'from a file\n')
    const filed = { POSTGRES_USER: 'parma', POSTGRES_PASSWORD_FILE: join(dir, 'password') }
    expect(readUrl(filed)).toBe('postgres://parma:from%20a%20file@localhost:5432/parma_analytics')
    expect(() => readUrl({ ...filed, POSTGRES_PASSWORD: 'x' })).toThrow(
      'POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set',
    )
  })

  test('come back from the address, whatever characters they have', () => {
    // No address can name a database called `.` or `..`: https://url.spec.whatwg.org/#double-dot-path-segment
    const part = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/^\.\.?$/.test(text))
    fc.assert(
      fc.property(part, part, part, (POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB) => {
        const url = new URL(readUrl({ POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB }))
        expect([url.username, url.password, url.pathname.slice(1)].map(decodeURIComponent)).toEqual([
          POSTGRES_USER,
          POSTGRES_PASSWORD,
          POSTGRES_DB,
        ])
        expect([url.host, url.search, url.hash]).toEqual(['localhost:5432', '', ''])
      }),
    )
  })

  test.each<[Env, RegExp]>([
    [{ POSTGRES_HOST: 'db' }, /POSTGRES_USER is missing.*\n.*POSTGRES_PASSWORD is missing/],
    [{ POSTGRES_PASSWORD: 'x' }, /POSTGRES_USER is missing/],
    [{ ...user, POSTGRES_PORT: '99999' }, /POSTGRES_PORT is wrong/],
    [{ ...user, POSTGRES_PORT: 'five' }, /POSTGRES_PORT is wrong/],
    [{ ...user, POSTGRES_HOST: 'db/other?x' }, /POSTGRES_HOST is wrong/],
    [{ ...user, POSTGRES_HOST: 'user@db' }, /POSTGRES_HOST is wrong/],
    [{ ...user, POSTGRES_HOST: 'db:5432' }, /POSTGRES_HOST is wrong/],
  ])('%j: the error names the variable that was set', (env, message) => {
    expect(() => readUrl(env)).toThrow(message)
    expect(() => readUrl(env)).not.toThrow(/DATABASE_URL is/)
  })

  test('nothing at all is DATABASE_URL missing', () => {
    expect(() => readUrl({ POSTGRES_PASSWORD: '' })).toThrow('DATABASE_URL is missing')
  })
})

test('PORT is EDGE_PORT, and is named when it is wrong', () => {
  const shape = { EDGE_PORT: port(8080).describe('Port of the edge.') }
  const read = (env: Env) => readEnv(shape, env).EDGE_PORT
  expect([read({}), read({ PORT: '8000' }), read({ PORT: '8000', EDGE_PORT: '1234' })]).toEqual([8080, 8000, 1234])
  expect(() => read({ PORT: 'x' })).toThrow(/^ {2}PORT is wrong.*Port of the edge\.$/m)
})

test('SENDGRID_FROM_EMAIL is the sender', () => {
  const shape = { EMAIL_FROM: z.email().optional() }
  expect(readEnv(shape, { SENDGRID_FROM_EMAIL: 'parma@example.com' })).toEqual({ EMAIL_FROM: 'parma@example.com' })
  expect(() => readEnv(shape, { SENDGRID_FROM_EMAIL: 'nobody' })).toThrow('SENDGRID_FROM_EMAIL is wrong')
})

test('variables without effect are found, with the reason', () => {
  expect(findIgnored({ CHATGPT_API_KEY_FILE: 'f', SENDGRID_API_KEY: 'SG.x', HANDLER_DEADLINE_MS: '5000' })).toEqual([
    { variable: 'CHATGPT_API_KEY', reason: expect.stringContaining('no language model') },
    { variable: 'HANDLER_DEADLINE_MS', reason: 'No longer a setting: always 120000.' },
  ])
})
