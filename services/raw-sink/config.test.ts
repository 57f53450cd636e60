import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from './config.ts'

const needed = { KAFKA_BROKERS: 'localhost:9092', SCHEMA_REGISTRY_URL: 'http://localhost:8080', FIRESTORE_PROJECT: 'p' }
const account = { client_email: 'a@b.c', private_key: '-----BEGIN PRIVATE KEY-----' }

describe('Firestore', () => {
  test('of Google, with a service account', () => {
    expect(readConfig({ ...needed, FIREBASE_ADMINSDK_CERTIFICATE: JSON.stringify(account) }).firestore.account).toEqual(
      account,
    )
  })
  test('an emulator, with none', () => {
    expect(readConfig({ ...needed, FIRESTORE_EMULATOR_HOST: 'localhost:8085' }).firestore.account).toBeNull()
  })
  test('of Google, with the file of the predecessor where nothing else is given', () => {
    const secrets = mkdtempSync(join(tmpdir(), 'secrets-'))
    onTestFinished(() => rmSync(secrets, { recursive: true }))
    expect(readConfig(needed, secrets).firestore.account).toBeNull()
    writeFileSync(join(secrets, 'la-famiglia-parma-ai-firebase-adminsdk.json'), JSON.stringify(account))
    expect(readConfig(needed, secrets).firestore.account).toEqual(account)
    const other = { ...account, client_email: 'other@b.c' }
    const given = { ...needed, FIREBASE_ADMINSDK_CERTIFICATE: JSON.stringify(other) }
    expect(readConfig(given, secrets).firestore.account).toEqual(other)
    expect(readConfig({ ...needed, FIRESTORE_EMULATOR_HOST: 'localhost:8085' }, secrets).firestore.account).toBeNull()
  })
  test('of Google, as whom the process runs, with a project and no service account', () => {
    expect(readConfig(needed).firestore).toEqual({ project: 'p', account: null })
    const { FIRESTORE_PROJECT: _, ...rest } = needed
    expect(() => readConfig(rest)).toThrow(/FIRESTORE_PROJECT to ask as whom this process runs/)
  })
  test('in the project of the account, unless another is named', () => {
    const { FIRESTORE_PROJECT: _, ...rest } = needed
    const read = (env: Record<string, string>, project_id?: string) =>
      readConfig({ ...rest, ...env, FIREBASE_ADMINSDK_CERTIFICATE: JSON.stringify({ ...account, project_id }) })
        .firestore.project
    expect(read({}, 'theirs')).toBe('theirs')
    expect(read({ FIRESTORE_PROJECT: 'ours' }, 'theirs')).toBe('ours')
    expect(() => read({})).toThrow('FIRESTORE_PROJECT is missing, and FIREBASE_ADMINSDK_CERTIFICATE has no project_id.')
    expect(() => readConfig({ ...rest, FIRESTORE_EMULATOR_HOST: 'localhost:8085' })).toThrow(
      'FIRESTORE_PROJECT is missing.',
    )
  })
  test.each([
    ['not JSON', 'x'.repeat(40)],
    ['not a service account', JSON.stringify({ type: 'authorized_user', client_id: 'x'.repeat(40) })],
  ])('%s', (_what, certificate) => {
    expect(() => readConfig({ ...needed, FIREBASE_ADMINSDK_CERTIFICATE: certificate })).toThrow(
      /FIREBASE_ADMINSDK_CERTIFICATE/,
    )
  })
})
