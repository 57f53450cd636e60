import { describe, expect, test } from 'vitest'
import { problemsOf } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { readConfig } from './config.ts'

const needed = {
  KAFKA_BROKERS: 'localhost:9092',
  SCHEMA_REGISTRY_URL: 'http://localhost:8081',
  DATABASE_URL: 'postgres://localhost/parma',
  PARMA_SHARED_SECRET_KEY: 's'.repeat(32),
  PARMA_ANALYTICS_SECRET_KEY: 'a'.repeat(32),
}
const key = { AFFINITY_API_KEY: 'k'.repeat(43) }

describe('the CRM', () => {
  test('is connected if a key and a list are given', () => {
    expect(readConfig(needed).affinity).toBeNull()
    expect(readConfig({ ...needed, ...key, AFFINITY_LIST_ID: '228879' }).affinity).toEqual({
      apiKey: key.AFFINITY_API_KEY,
      listId: 228879,
      baseUrl: 'https://api.affinity.co',
    })
  })

  test.each([
    [key, 'AFFINITY_LIST_ID is missing'],
    [{ AFFINITY_LIST_ID: '5' }, 'AFFINITY_API_KEY is missing'],
    [{ ...key, AFFINITY_LIST_ID: 'x' }, 'AFFINITY_LIST_ID is wrong'],
    [{ AFFINITY_API_KEY: 'short', AFFINITY_LIST_ID: '5' }, 'AFFINITY_API_KEY is shorter than 32 bytes'],
    [{ AFFINITY_BASE_URL: 'http://api.affinity.co' }, 'AFFINITY_BASE_URL does not begin with https://'],
  ])('refuses %j', (env, problem) => {
    expect(() => readConfig({ ...needed, ...env })).toThrow(problem)
  })

  test('may be called without TLS on a local machine', () => {
    const local = {
      ...needed,
      ...key,
      DEPLOYMENT_ENV: 'local',
      AFFINITY_LIST_ID: '5',
      AFFINITY_BASE_URL: 'http://[::1]:1',
    }
    expect(readConfig(local).affinity?.baseUrl).toBe('http://[::1]:1')
  })
})

test('the two secrets must differ, because modules know one of them', () => {
  const same = { ...needed, PARMA_ANALYTICS_SECRET_KEY: needed.PARMA_SHARED_SECRET_KEY }
  expect(() => readConfig(same)).toThrow('which modules know')
  expect(() => readConfig({ ...same, DEPLOYMENT_ENV: 'local' })).not.toThrow()
})

test('problems between settings are reported with those of single settings', () => {
  const wrong = (env: Env) => problemsOf(() => readConfig(env)).map((problem) => problem.split(' ')[0])
  expect(wrong({ ...needed, KAFKA_BROKERS: '', AFFINITY_LIST_ID: '5', FIREBASE_ADMINSDK_CERTIFICATE: '{}' })).toEqual(
    expect.arrayContaining(['KAFKA_BROKERS', 'AFFINITY_API_KEY', 'FIREBASE_ADMINSDK_CERTIFICATE']),
  )
  // A setting that is wrong in itself is reported once.
  expect(wrong({ ...needed, ...key, AFFINITY_LIST_ID: 'x' })).toEqual(['AFFINITY_LIST_ID'])
})
