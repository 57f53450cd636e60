import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const needed = { KAFKA_BROKERS: 'localhost:9092', SCHEMA_REGISTRY_URL: 'http://localhost:8080', FIRESTORE_PROJECT: 'p' }
const account = { client_email: 'a@b.c', private_key: '-----BEGIN PRIVATE KEY-----' }

describe('Firestore', () => {
  test('of Google, with a service account', () => {
    expect(readConfig({ ...needed, FIREBASE_ADMINSDK_CERTIFICATE: JSON.stringify(account) }).account).toEqual(account)
  })
  test('an emulator, with none', () => {
    expect(readConfig({ ...needed, FIRESTORE_EMULATOR_HOST: 'localhost:8085' }).account).toBeNull()
  })
  test.each([
    ['neither', undefined],
    ['not JSON', 'x'.repeat(40)],
    ['not a service account', JSON.stringify({ type: 'authorized_user', client_id: 'x'.repeat(40) })],
  ])('%s', (_what, certificate) => {
    expect(() => readConfig({ ...needed, FIREBASE_ADMINSDK_CERTIFICATE: certificate })).toThrow(
      /FIREBASE_ADMINSDK_CERTIFICATE/,
    )
  })
})
