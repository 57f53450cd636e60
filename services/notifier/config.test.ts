import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from './config.ts'

const servers = {
  KAFKA_BROKERS: 'localhost:9092',
  SCHEMA_REGISTRY_URL: 'http://localhost:8081',
  DATABASE_URL: 'postgres://localhost/parma',
}

describe('readConfig', () => {
  test('locally neither a sender nor a token is needed', () => {
    expect(readConfig({ ...servers, DEPLOYMENT_ENV: 'local', SMTP_URL: 'smtp://127.0.0.1:25' })).toMatchObject({
      EMAIL_FROM: 'parma@localhost',
      SLACK_TOKEN: 'xoxb-local',
      SMTP_REQUIRE_TLS: false,
    })
  })

  test('elsewhere mail goes out over TLS only, from a sender that is given', () => {
    expect(() => readConfig({ ...servers, SMTP_URL: 'smtp://mail.example' })).toThrow('EMAIL_FROM is missing')
    expect(readConfig({ ...servers, SMTP_URL: 'smtp://mail.example', EMAIL_FROM: 'parma@example.com' })).toMatchObject({
      SMTP_REQUIRE_TLS: true,
      SLACK_TOKEN: undefined,
    })
  })

  test('the predecessor’s variables for SendGrid are needed together', () => {
    const SENDGRID_API_KEY = `SG.${'k'.repeat(66)}`
    const templates = { SENDGRID_NOTIFICATION_TEMPLATE_ID: 'd-1', SENDGRID_REPORT_TEMPLATE_ID: 'd-2' }
    const all = { ...servers, SENDGRID_API_KEY, ...templates, SENDGRID_FROM_EMAIL: 'parma@example.com' }
    expect(readConfig(all)).toMatchObject({ SENDGRID_API_KEY, ...templates, EMAIL_FROM: 'parma@example.com' })
    expect(() => readConfig({ ...servers, SENDGRID_API_KEY })).toThrow(
      /EMAIL_FROM is missing \(SENDGRID_FROM_EMAIL.*\n.*NOTIFICATION_TEMPLATE_ID is missing.*\n.*REPORT_TEMPLATE_ID is missing/,
    )
    expect(() => readConfig({ ...all, SMTP_URL: 'smtp://mail.example' })).toThrow(
      'SMTP_URL and SENDGRID_API_KEY are both set. E-mail has one way out: keep one of them',
    )
  })

  test('Secret Manager is asked as the predecessor did', () => {
    const account = { client_email: 'a@b.example', private_key: 'pem', token_uri: 'https://token.example/' }
    const GCP_SECRET_MANAGER_CERTIFICATE = JSON.stringify({ ...account, project_id: 'p1' })
    expect(readConfig({ ...servers, GCP_SECRET_MANAGER_CERTIFICATE }).secretManager).toMatchObject({
      account,
      project: 'p1',
      prefix: 'parma-analytics-notification-channel-key-',
    })
    expect(readConfig(servers).secretManager).toBeNull()
    expect(() => readConfig({ ...servers, GCP_SECRET_MANAGER_CERTIFICATE: 'x'.repeat(32) })).toThrow(
      'GCP_SECRET_MANAGER_CERTIFICATE is not the JSON text of a service account',
    )
    const dir = mkdtempSync(join(tmpdir(), 'secrets-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    writeFileSync(join(dir, 'la-famiglia-parma-ai-secret-manager.json'), GCP_SECRET_MANAGER_CERTIFICATE)
    expect(readConfig(servers, dir).secretManager).toMatchObject({ project: 'p1' })
    expect(readConfig({ ...servers, GCP_SECRET_MANAGER_PROJECT: 'p2' }, dir).secretManager?.project).toBe('p2')
  })

  test('keys of secrets are checked and not shown', () => {
    const key = 'a'.repeat(43)
    expect(() => readConfig({ ...servers, SECRETS_KEYS: `k1:${key}` })).toThrow(
      /SECRETS_KEYS is wrong: key 1 is not an id, a colon and 32 bytes in base64\.\s*$/,
    )
    expect([...(readConfig({ ...servers, SECRETS_KEYS: `k1:${key}=` }).secretKeys?.keys() ?? [])]).toEqual(['k1'])
  })

  test('Gmail needs no more than a user and an app password', () => {
    const gmail = { SMTP_SERVICE: 'gmail', SMTP_USER: 'ann@gmail.com', SMTP_PASSWORD: 'abcd efgh ijkl mnop' }
    expect(readConfig({ ...servers, ...gmail })).toMatchObject({
      SMTP_URL: 'smtps://ann%40gmail.com:abcd%20efgh%20ijkl%20mnop@smtp.gmail.com:465',
      EMAIL_FROM: 'ann@gmail.com',
    })
    expect(() => readConfig({ ...servers, SMTP_SERVICE: 'pigeon' })).toThrow(
      /nodemailer knows no service pigeon.*\n.*needs SMTP_USER and SMTP_PASSWORD/,
    )
  })

  test.each([
    [{ LEASE_MS: '1000' }, 'LEASE_MS must be above SEND_TIMEOUT_MS'],
    [{ MAX_LINES: '41' }, 'MAX_LINES is wrong: more than 40 do not fit into one Slack message'],
    [{ SLACK_TOKEN: 'short' }, 'SLACK_TOKEN is shorter than 32 bytes'],
    [{ SMTP_URL: 'mail.example' }, 'SMTP_URL is wrong: not an smtp:// or smtps:// address'],
  ])('refuses %j', (env, problem) => {
    expect(() => readConfig({ ...servers, ...env })).toThrow(problem)
  })
})
