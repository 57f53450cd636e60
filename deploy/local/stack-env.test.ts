import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { readPorts } from './config.ts'
import { describeStack, parseStackEnv, renderStackEnv, stackEnvFile, writeStackEnv } from './stack-env.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const secrets = { postgresPassword: 'p'.repeat(48), sharedSecret: 's'.repeat(48), analyticsSecret: 'a'.repeat(48) }
const settings = {
  root: '/repo',
  dir: '/repo/.local',
  cache: '/repo/.cache',
  firestoreEmulator: 'auto' as const,
  brokers: 1 as const,
  ports: readPorts({}),
  secrets,
  firestoreProject: 'parma-local',
}

test('describes every address, secret and process id', () => {
  const env = describeStack(settings, { supervisor: 1, kafka: 2, 'raw-sink': 3 })
  expect(Object.keys(env)).toEqual([
    ...['EDGE_URL', 'MINER_NPM_URL', 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'DATABASE_URL', 'FIRESTORE_EMULATOR_HOST'],
    ...['FIRESTORE_PROJECT', 'SMTP_URL', 'MAILBOX_URL', 'SLACK_API_URL', 'SLACK_OUTBOX_URL'],
    ...['PARMA_SHARED_SECRET_KEY', 'PARMA_ANALYTICS_SECRET_KEY', 'PUBLIC_URL', 'LINK_SECRET'],
    ...['EDGE_HEALTH_URL', 'RAW_SINK_HEALTH_URL', 'NORMALIZER_HEALTH_URL', 'ANALYZER_HEALTH_URL'],
    ...[
      'NOTIFIER_HEALTH_URL',
      'SCHEDULER_HEALTH_URL',
      'MINER_NPM_HEALTH_URL',
      'SUPERVISOR_PID',
      'KAFKA_PID',
      'RAW_SINK_PID',
    ],
  ])
  expect(env.RAW_SINK_PID).toBe('3')
})

const anyEnv = fc.dictionary(fc.stringMatching(/^[A-Z][A-Z_]{0,8}$/), fc.string({ unit: 'grapheme-ascii' }))

test('reads back whatever it wrote', () => {
  fc.assert(fc.property(anyEnv, (env) => void expect(parseStackEnv(renderStackEnv(env))).toEqual({ ...env })))
})

test('is read by sh as it was meant', () => {
  const value = `it's $HOME; "quoted" \`and\` \\ more`
  const dir = mkdtempSync(join(tmpdir(), 'stack-env-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  writeStackEnv(dir, { VALUE: value })
  expect(execFileSync('sh', ['-c', `. ${stackEnvFile(dir)}; printf %s "$VALUE"`], { encoding: 'utf8' })).toBe(value)
})
