import { mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { wantedTopics } from '#runtime/kafka/topic-plan.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { postgresSettings } from '#runtime/process/settings.ts'
import { maxBodyBytes, topics } from '#schemas/topics.ts'
import { settings as commandSettings, topicSettings } from '../../services/cli/config.ts'
import { root, services } from '../local/config.ts'
import { heapFlags } from '../service-values.ts'
import { findFaults, helm, type Manifest, parseManifests, podOf, type PodSpec, render } from './render.ts'
import { findTool } from './tools.ts'

const chart = 'parma-analytics'
const examples = ['minimal', 'google-cloud', 'strimzi', 'full'] as const
type Config = { settings: Record<string, z.ZodType>; readConfig(env: Env): Record<string, unknown> }
const configOf = async (service: string) => (await import(`../../services/${service}/config.ts`)) as Config

const rendered = new Map<string, Manifest[]>()
beforeAll(() => {
  for (const example of examples) rendered.set(example, render(chart, example))
})
const all = (example: string) => rendered.get(example) ?? []
const ofKind = (example: string, kind: string) => all(example).filter((one) => one.kind === kind)
const serviceOf = ({ metadata }: Manifest) => metadata.labels['app.kubernetes.io/name'] ?? ''
const deploymentOf = (example: string, service: string) =>
  ofKind(example, 'Deployment').find((one) => serviceOf(one) === service)!
const withOperator: readonly string[] = ['strimzi', 'full']
const deploymentNames = (example: string) =>
  [...services, ...(withOperator.includes(example) ? ['operator'] : [])].sort()
const containerOf = (manifest: Manifest) => podOf(manifest)!.containers[0]!
const plainEnv = (manifest: Manifest): Record<string, string> =>
  Object.fromEntries((containerOf(manifest).env ?? []).flatMap(({ name, value }) => (value ? [[name, value]] : [])))

const secretValues: Record<string, string> = {
  DATABASE_URL: 'postgres://parma:p@postgres/parma',
  SCHEMA_REGISTRY_URL: 'https://parma:p@registry.example.com',
  PARMA_SHARED_SECRET_KEY: 's'.repeat(48),
  PARMA_ANALYTICS_SECRET_KEY: 'a'.repeat(48),
  LINK_SECRET: 'l'.repeat(48),
  SECRETS_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
  FIREBASE_ADMINSDK_CERTIFICATE: JSON.stringify({
    project_id: 'p',
    client_email: 'a@b.c',
    private_key: 'k'.repeat(40),
  }),
  GCP_SECRET_MANAGER_CERTIFICATE: JSON.stringify({
    project_id: 'p',
    client_email: 'a@b.c',
    private_key: 'k'.repeat(40),
  }),
  KAFKA_SASL_PASSWORD: 'p'.repeat(20),
  SMTP_URL: 'smtps://user:p@mail.example.com',
  SLACK_TOKEN: `xoxb-${'t'.repeat(40)}`,
}

describe.each(examples)('the chart with examples/%s.yaml', (example) => {
  test('passes helm lint', () => {
    expect(helm('lint', chart, '--strict', '--values', `examples/${example}.yaml`)).toContain('0 chart(s) failed')
  })

  test('makes what the API server takes', () => {
    expect(all(example).flatMap(findFaults)).toEqual([])
    const names = all(example).map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(names).toEqual([...new Set(names)])
  })

  test('makes pods that Pod Security "restricted" takes, with a limit of memory above the heap', () => {
    const pods = all(example).flatMap((one) => podOf(one) ?? [])
    expect(pods).toHaveLength(deploymentNames(example).length + 2)
    for (const { containers, securityContext, automountServiceAccountToken } of pods) {
      expect(automountServiceAccountToken).toBe(false)
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      for (const { securityContext: own, resources, command } of containers) {
        expect(own).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        const heap = Number(/--max-old-space-size=(\d+)/.exec(command.join(' '))?.[1] ?? 0)
        expect(Number(/^(\d+)Mi$/.exec(resources.limits.memory)?.[1])).toBeGreaterThan(heap * 1.2)
      }
    }
  })

  test('has a Deployment, an account and a budget for each service, which find its pods and no others', () => {
    for (const kind of ['Deployment', 'ServiceAccount'])
      expect(ofKind(example, kind).map(serviceOf).sort()).toEqual(deploymentNames(example))
    expect(ofKind(example, 'PodDisruptionBudget').map(serviceOf).sort()).toEqual([...services].sort())
    for (const one of [...ofKind(example, 'Deployment'), ...ofKind(example, 'PodDisruptionBudget')]) {
      const found = ofKind(example, 'Deployment').filter(({ spec }) =>
        Object.entries((one.spec as { selector: { matchLabels: object } }).selector.matchLabels).every(
          ([name, value]) => (spec as { template: Manifest }).template.metadata.labels[name] === value,
        ),
      )
      expect(found.map(serviceOf)).toEqual([serviceOf(one)])
    }
  })

  describe('the variables of pods', () => {
    let secrets = ''
    beforeAll(() => {
      secrets = mkdtempSync(join(tmpdir(), 'secrets-'))
      for (const [name, value] of Object.entries(secretValues)) writeFileSync(join(secrets, name), value)
    })
    afterAll(() => rmSync(secrets, { recursive: true }))

    /** The environment of a pod whose Secret has the keys that it must have, and those of the others that `has` says. */
    function environmentOf(manifest: Manifest, has: (key: string) => boolean): Record<string, string> {
      const pod: PodSpec = podOf(manifest)!
      const mounted = (pod.volumes ?? []).flatMap(({ name, secret }) =>
        name === 'secrets' ? (secret?.items ?? []).map(({ key }) => key) : [],
      )
      return Object.fromEntries(
        (containerOf(manifest).env ?? []).flatMap(({ name, value, valueFrom }): [string, string][] => {
          if (value?.startsWith('/run/secrets/parma/')) {
            expect(mounted).toContain(value.replace('/run/secrets/parma/', ''))
            return [[name, value.replace('/run/secrets/parma', secrets)]]
          }
          if (value !== undefined) return [[name, value]]
          const { key = '', optional = false } = valueFrom?.secretKeyRef ?? {}
          if (key === 'ca.crt') return [[name, 'a certificate']]
          if (optional && !has(name)) return []
          return [[name, secretValues[name] ?? 'x'.repeat(40)]]
        }),
      )
    }

    test.each(services)('%s reads every one, and starts with and without optional keys', async (service) => {
      const manifest = deploymentOf(example, service)
      const { settings, readConfig } = await configOf(service)
      const names = (containerOf(manifest).env ?? []).map(({ name }) => name.replace(/_FILE$/, ''))
      expect(names.filter((name) => !(name in settings))).toEqual([])
      expect(names).toEqual([...new Set(names)])
      const [program, , ...others] = containerOf(manifest).command
      expect([program, ...others]).toEqual(['node', ...heapFlags(service).slice(1), `services/${service}/main.ts`])
      const ways = ['SMTP_PASSWORD', 'SENDGRID_API_KEY', 'AFFINITY_API_KEY']
      for (const has of [() => false, (key: string) => !ways.includes(key)]) {
        const config = readConfig(environmentOf(manifest, has))
        const port = (name: string) => containerOf(manifest).ports?.find((one) => one.name === name)?.containerPort
        expect(config.HEALTH_PORT).toBe(port('health'))
        if (service === 'edge') expect(config.EDGE_PORT).toBe(port('http'))
      }
    })

    test.each(withOperator.includes(example) ? ['operator'] : [])(
      'the pod of the %s: a command reads every one, as a service does',
      async (name) => {
        const manifest = deploymentOf(example, name)
        const known = new Set(['NODE_OPTIONS', ...Object.keys(commandSettings)])
        for (const service of services)
          for (const name of Object.keys((await configOf(service)).settings)) known.add(name)
        const names = (containerOf(manifest).env ?? []).map(({ name }) => name.replace(/_FILE$/, ''))
        expect(names.filter((name) => !known.has(name))).toEqual([])
        expect(names).toEqual([...new Set(names)])
        const environment = environmentOf(manifest, (key) => !['SMTP_PASSWORD', 'SENDGRID_API_KEY'].includes(key))
        for (const service of ['normalizer', 'scheduler', 'analyzer'])
          expect((await configOf(service)).readConfig({ HEALTH_PORT: '9090', ...environment }).DATABASE_URL).toBe(
            secretValues.DATABASE_URL,
          )
        expect(readEnv(topicSettings, environment).TOPIC_REPLICAS).toBe(3)
      },
    )

    test('the setup step reads every one, and makes topics of the size that consumers scale to', () => {
      const [job] = ofKind(example, 'Job')
      const shape = { ...topicSettings, ...postgresSettings }
      const names = (containerOf(job!).env ?? []).map(({ name }) => name.replace(/_FILE$/, ''))
      expect(names.filter((name) => !(name in shape))).toEqual([])
      const config = readEnv(
        shape,
        environmentOf(job!, () => true),
      )
      expect(config.TOPIC_REPLICAS).toBe(3)
      const wanted = wantedTopics({ TOPIC_PREFIX: '' }, { partitions: config.TOPIC_PARTITIONS })
      const sizeOf = (topic: string) => wanted.find(({ name }) => name === topic)?.partitions
      const most = example === 'full' ? 24 : 12
      expect([topics.rawPayloads, topics.observations, topics.news].map(({ name }) => sizeOf(name))).toEqual([
        most,
        most,
        6,
      ])
    })
  })

  test.each(services)('%s has the time it needs to stop', async (service) => {
    const manifest = deploymentOf(example, service)
    const { settings } = await configOf(service)
    const drainMs = Number(settings.DRAIN_TIMEOUT_MS!.parse(plainEnv(manifest).DRAIN_TIMEOUT_MS))
    const preStopMs = (containerOf(manifest).lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000
    expect(podOf(manifest)!.terminationGracePeriodSeconds * 1000).toBeGreaterThan(preStopMs + drainMs)
  })

  test('says the next step', () => {
    const notes = helm('install', 'parma', chart, '--dry-run=client', '--values', `examples/${example}.yaml`)
    expect(notes).toContain('rollout status deployment')
  })
})

describe('the setup step', () => {
  test('is made anew before each installation and upgrade: a job’s template cannot be changed', () => {
    const [job] = ofKind('minimal', 'Job')
    expect(job?.metadata.annotations).toMatchObject({
      'helm.sh/hook': 'pre-install,pre-upgrade',
      'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
    })
    expect(all('minimal').filter(({ kind }) => kind === 'Job')).toHaveLength(1)
  })
})

describe('the pod of operators', () => {
  test('has the rights of the setup step, and is not there unless it is wanted', () => {
    const keyOf = (manifest: Manifest) => podOf(manifest)!.volumes?.find(({ name }) => name === 'secrets')?.secret
    const [job] = ofKind('strimzi', 'Job')
    expect(keyOf(deploymentOf('strimzi', 'operator'))?.secretName).toBe('parma-setup-keys')
    expect(keyOf(job!)?.secretName).toBe('parma-setup-keys')
    expect(plainEnv(deploymentOf('strimzi', 'operator')).KAFKA_SASL_USERNAME).toBe('parma-operator')
    expect(JSON.stringify(all('minimal'))).not.toContain('parma-operator')
  })
})

describe('the edge', () => {
  test('is held by nothing on the way for less time than it may hold a payload', async () => {
    const { settings } = await configOf('edge')
    const holdMs = Number(settings.FEED_DEADLINE_MS!.parse(undefined))
    expect(Number(plainEnv(deploymentOf('full', 'edge')).DRAIN_TIMEOUT_MS)).toBeGreaterThan(holdMs + 5000)
    const annotations = ofKind('full', 'Ingress')[0]?.metadata.annotations ?? {}
    for (const name of ['proxy-read-timeout', 'proxy-send-timeout'])
      expect(Number(annotations[`nginx.ingress.kubernetes.io/${name}`]) * 1000).toBeGreaterThan(holdMs)
    // Mining modules wait this long for an answer.
    expect(holdMs).toBeLessThan(120_000)
    const largest = Math.max(maxBodyBytes, Number(settings.MAX_BATCH_BYTES!.parse(undefined)))
    expect(annotations['nginx.ingress.kubernetes.io/proxy-body-size']).toBe(`${largest / 1024 ** 2}m`)
    expect(annotations['cert-manager.io/cluster-issuer']).toBe('letsencrypt')
  })

  test('has the replicas that its autoscaler wants', () => {
    expect((deploymentOf('minimal', 'edge').spec as { replicas: number }).replicas).toBe(2)
    expect(deploymentOf('full', 'edge').spec).not.toHaveProperty('replicas')
    expect(ofKind('full', 'HorizontalPodAutoscaler')[0]?.spec).toMatchObject({ minReplicas: 3, maxReplicas: 12 })
  })
})

describe('scaling by lag', () => {
  test('takes each consumer up to the partitions of its largest topic', () => {
    const most = Object.fromEntries(
      ofKind('full', 'ScaledObject').map((one) => [
        serviceOf(one),
        (one.spec as { maxReplicaCount: number }).maxReplicaCount,
      ]),
    )
    expect(most).toEqual({ 'raw-sink': 24, normalizer: 24, analyzer: 24, notifier: 6, scheduler: 24 })
    for (const service of Object.keys(most)) expect(deploymentOf('full', service).spec).not.toHaveProperty('replicas')
  })

  test('asks for the group and topics under their names in the cluster, logged in as the service', () => {
    const normalizer = ofKind('full', 'ScaledObject').find((one) => serviceOf(one) === 'normalizer')
    const topics = ['mining.raw-payloads.v1', 'ops.commands.v1']
    expect((normalizer!.spec as { triggers: unknown[] }).triggers).toEqual(
      topics.map((topic) => ({
        type: 'kafka',
        metadata: {
          bootstrapServers: 'kafka-1.example.com:9093,kafka-2.example.com:9093',
          consumerGroup: 'staging.normalizer',
          topic: `staging.${topic}`,
          lagThreshold: '2000',
          offsetResetPolicy: 'earliest',
          sasl: 'scram_sha256',
          tls: 'enable',
        },
        authenticationRef: { name: 'parma-normalizer' },
      })),
    )
    const variables = (containerOf(deploymentOf('full', 'normalizer')).env ?? []).map(({ name }) => name)
    for (const one of ofKind('full', 'TriggerAuthentication'))
      for (const { name } of (one.spec as { env: { name: string }[] }).env) expect(variables).toContain(name)
  })
})

describe('the network', () => {
  type Rule = { to?: { ipBlock?: { cidr: string; except?: string[] } }[]; ports?: unknown[] }
  const policy = (example: string, name: string) =>
    ofKind(example, 'NetworkPolicy').find((one) => one.metadata.name === `parma-${name}`)?.spec as {
      ingress?: Rule[]
      egress?: Rule[]
      policyTypes: string[]
    }

  test('is closed, but for what is allowed', () => {
    const closed = policy('minimal', 'default-deny')
    expect([closed.policyTypes, closed.ingress, closed.egress]).toEqual([['Ingress', 'Egress'], undefined, undefined])
    const out = ofKind('minimal', 'NetworkPolicy').flatMap(
      ({ metadata }) => /^parma-(.*)-out$/.exec(metadata.name)?.[1] ?? [],
    )
    expect(out.sort()).toEqual(['edge', 'normalizer', 'notifier', 'raw-sink', 'scheduler'])
  })

  test('leads into no private network that is not named, and to no metadata server without workload identity', () => {
    for (const service of ['edge', 'normalizer', 'notifier', 'raw-sink', 'scheduler']) {
      const [internet, ...others] = policy('minimal', `${service}-out`).egress ?? []
      const [v4, v6] = internet?.to ?? []
      expect(v4?.ipBlock?.except).toEqual(expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '192.168.0.0/16']))
      expect(v6?.ipBlock).toEqual({ cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] })
      expect(others).toEqual([])
    }
    const named = policy('full', 'notifier-out').egress?.[1]?.to?.map(({ ipBlock }) => ipBlock?.cidr)
    expect(named).toEqual(['10.40.0.0/16', '10.41.0.0/16'])
    expect(policy('full', 'raw-sink-out').egress).toHaveLength(1)
    const metadata = JSON.stringify(policy('google-cloud', 'raw-sink-out'))
    expect(metadata).toContain('169.254.169.254/32')
    expect(JSON.stringify(policy('google-cloud', 'scheduler-out'))).not.toContain('169.254.169.254/32')
  })

  test('lets the setup step out before the release is there', () => {
    const setup = ofKind('minimal', 'NetworkPolicy').find(({ metadata }) => metadata.name === 'parma-setup')
    const weight = (one: Manifest | undefined) => Number(one?.metadata.annotations?.['helm.sh/hook-weight'])
    expect(weight(setup)).toBeLessThan(weight(ofKind('minimal', 'Job')[0]))
  })

  test('stays open for services during an upgrade: helm deletes and makes anew what is a hook', () => {
    const hooks = ofKind('minimal', 'NetworkPolicy').filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'])
    expect(hooks.map(serviceOf)).toEqual(['setup'])
    expect(hooks[0]?.spec).toMatchObject({ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'setup' } } })
    expect(policy('minimal', 'services').egress).toEqual(policy('minimal', 'setup').egress)
  })
})

describe('values that are wrong', () => {
  const set = (values: string) => ['--set', values]
  const edge = 'services.edge'
  test.each([
    ['nothing about servers', set('networkPolicy.servers=null'), 'networkPolicy.servers is empty: nothing would reach'],
    ['a setting that no service has', set('settings.LOG_LEVL=debug'), 'settings.LOG_LEVL: no service reads it'],
    ['a port, which the chart sets', ['--set-string', 'settings.HEALTH_PORT=1'], 'or the chart sets it itself'],
    ['a setting of another service', set(`${edge}.settings.CONSUME_MAX_BATCH=x`), 'MAX_BATCH: edge does not read it'],
    ['a secret among the settings', set('settings.SMTP_URL=x'), 'is a secret: take it out of the values, and give'],
    ['a secret of one service', set(`${edge}.settings.DATABASE_URL=x`), 'edge.settings.DATABASE_URL is a secret'],
    ['a number that is no text', set(`${edge}.settings.ATOM_ITEMS=5`), "ATOM_ITEMS': got number, want string"],
    ['a negative count', set(`${edge}.replicas=-1`), "at '/services/edge/replicas': minimum: got -1, want 1"],
    ['an unknown topic', set('kafka.partitions.a=3'), "at '/kafka/partitions': additional properties 'a' not allowed"],
    ['an unknown block', set('services.miner.replicas=1'), 'miner'],
    ['an Ingress without a host', set('ingress.enabled=true'), 'ingress.host is missing: the name under which'],
    ['no brokers', set('settings.KAFKA_BROKERS='), 'settings/KAFKA_BROKERS'],
    ['too many replicas', set('services.notifier.replicas=7'), 'replicas is 7, and its largest topic has 6 partitions'],
    ['an autoscaler without room', set(`${edge}.autoscaling.enabled=true,${edge}.autoscaling.min=9`), 'raise max, or'],
    [
      'a heap of the operator’s pod above its memory',
      set('operator.enabled=true,operator.heapMb=500'),
      'operator.heapMb is 500',
    ],
    ['a heap above the memory', set('services.normalizer.heapMb=512'), 'Set resources.limits.memory to 683Mi or more'],
    [
      'a limit below the request',
      set(`${edge}.resources.limits.memory=0.2Gi`),
      'requests.memory is 256Mi, and its limit is 0.2Gi',
    ],
    [
      'a limit of 200 m',
      set(`${edge}.resources.limits.cpu=200m`),
      'requests.cpu is 250m, and its limit is 200m: raise',
    ],
    [
      'a limit of one core',
      set(`${edge}.resources.limits.cpu=1,${edge}.resources.requests.cpu=1.5`),
      'is 1.5, and its',
    ],
    ['two authorities', set('settings.KAFKA_SSL_CA=x,kafka.caSecret=y'), 'take one of them out'],
    [
      'bits behind a prefix',
      set('settings.ALLOWED_PRIVATE_NETWORKS=10.0.0.5/16'),
      'has 10.0.0.5/16, which is no network',
    ],
    ['a tag in the repository', set('image.repository=registry.example.com:5000/parma:1'), 'does not match pattern'],
    ['an address as a network', set('settings.ALLOWED_PRIVATE_NETWORKS=10.0.0.5'), 'one address as 10.40.0.5/32'],
  ])('%s is refused, and the sentence names it', (_, args, sentence) => {
    expect(() => render(chart, 'minimal', ...args)).toThrow(sentence)
  })

  test('and so is what is missing', () => {
    const network = ['--set', 'networkPolicy.enabled=false']
    expect(() => helm('template', 'parma', chart, ...network)).toThrow('settings.KAFKA_BROKERS is missing')
    const identity = [...network, '--set', 'settings.KAFKA_BROKERS=b:9092,workloadIdentity=true']
    expect(() => helm('template', 'parma', chart, ...identity)).toThrow('settings.FIRESTORE_PROJECT is missing')
  })

  test('and so is a name of the release that no Service can have', () => {
    for (const name of ['a.b', '1parma'])
      expect(() => helm('template', name, chart, '--values', 'examples/minimal.yaml')).toThrow(
        `The release is called ${name}: choose a name of lower-case letters`,
      )
  })

  test('but a tag may be longer than a label', () => {
    const [service] = render(chart, 'minimal', '--set', `image.tag=${'1'.repeat(62)}.2`)
    expect(service?.metadata.labels['app.kubernetes.io/version']).toBe('1'.repeat(62))
  })

  test('and a list of networks may end with a comma', () => {
    const networks = String.raw`10.0.0.0/8\,192.168.7.9/32\, fd00::/8\,`
    const made = render(chart, 'minimal', '--set', `settings.ALLOWED_PRIVATE_NETWORKS=${networks}`)
    expect(JSON.stringify(made)).toContain('{"cidr":"192.168.7.9/32"}},{"ipBlock":{"cidr":"fd00::/8"}')
    expect(JSON.stringify(made)).not.toContain('"cidr":""')
  })
})

describe('the chart parma-kafka', () => {
  type Topic = { topicName: string; partitions: number; replicas: number; config: Record<string, string> }
  type Acl = { resource: { type: string; name: string; patternType: string }; operations: string[] }
  const made = (kind: string, ...args: string[]) =>
    parseManifests(helm('template', 'kafka', 'parma-kafka', ...args)).filter((one) => one.kind === kind)

  test('passes helm lint, and makes what Strimzi takes', () => {
    expect(helm('lint', 'parma-kafka', '--strict')).toContain('0 chart(s) failed')
    expect([...made('KafkaTopic'), ...made('KafkaUser')].flatMap(findFaults)).toEqual([])
  })

  test('makes the topics that the setup step makes, and keeps them', () => {
    const partitions = new Map([
      [topics.rawPayloads.name, 12],
      [topics.observations.name, 12],
    ])
    const wanted = wantedTopics({ TOPIC_PREFIX: 'Test_' }, { partitions })
    const found = made('KafkaTopic', '--set', 'topicPrefix=Test_')
    expect(found.map(({ spec }) => spec as Topic)).toEqual(
      wanted.map(({ name, partitions, config }) => ({
        ...{ topicName: name, partitions, replicas: 3 },
        config: { ...config, 'min.insync.replicas': '2' },
      })),
    )
    for (const { metadata } of found) {
      expect(metadata.name).toMatch(/^[a-z0-9][a-z0-9.-]{0,251}[a-z0-9]$/)
      expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    }
  })

  test('makes a user for each login of the other chart, with the names of the installation', () => {
    const found = made('KafkaUser', '--set', 'topicPrefix=staging.')
    const names = found.map(({ metadata }) => metadata.name)
    const logins = [...ofKind('strimzi', 'Deployment'), ...ofKind('strimzi', 'Job')].map(
      (one) => plainEnv(one).KAFKA_SASL_USERNAME,
    )
    expect(names.sort()).toEqual(logins.sort())
    for (const { spec } of found)
      for (const { resource } of (spec as { authorization: { acls: Acl[] } }).authorization.acls)
        expect(resource.name).toMatch(/^staging\./)
  })

  test('refuses a topic that there is not', () => {
    expect(() => made('KafkaTopic', '--set', 'topics.partitions.x=3')).toThrow('topics.partitions names x')
  })
})

test('a field that the API server does not know is refused here too', () => {
  const [job] = structuredClone(ofKind('minimal', 'Job'))
  const { securityContext } = containerOf(job!)
  securityContext.readOnlyRootFilesytem = true
  expect(findFaults(job!)).toEqual([expect.stringContaining('readOnlyRootFilesytem')])
})

describe('alerts', () => {
  const promtool = (...args: string[]) =>
    execFileSync(findTool('promtool'), args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  test('are rules that Prometheus takes', () => {
    expect(promtool('check', 'rules', 'parma-analytics/files/alerts.yaml')).toContain('SUCCESS')
  })
  test('fire when they should, and only then', () => {
    expect(promtool('test', 'rules', 'alerts.test.yaml')).toContain('SUCCESS')
    const tested = readFileSync(join(import.meta.dirname, 'alerts.test.yaml'), 'utf8')
    const rules = ofKind('full', 'PrometheusRule')[0]?.spec as { groups: { rules: { alert: string }[] }[] }
    const names = rules.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
    expect(names.filter((name) => !tested.includes(`alertname: ${name}\n`))).toEqual([])
  })
  test('have a page that says where to look, how to decide and what to do', () => {
    const rules = ofKind('full', 'PrometheusRule')[0]?.spec as {
      groups: { rules: { alert: string; annotations: { runbook_url: string } }[] }[]
    }
    const folder = join(root, 'docs/runbooks')
    const index = readFileSync(join(folder, 'README.md'), 'utf8')
    for (const { alert, annotations } of rules.groups.flatMap(({ rules }) => rules)) {
      expect(annotations.runbook_url).toBe(`https://git.example.com/parma/docs/runbooks/${alert}.md`)
      expect(index).toContain(`[${alert}](${alert}.md)`)
      const page = readFileSync(join(folder, `${alert}.md`), 'utf8')
      expect(page.match(/^#.*$/gm)).toEqual([`# ${alert}`, '## Look', '## Decide', '## Do'])
    }
  })
  test('name metrics and commands that there are', () => {
    const text = readFileSync(join(import.meta.dirname, 'parma-analytics/files/alerts.yaml'), 'utf8')
    const sources = execFileSync('grep', ['-rhoE', "'parma_[a-z_]+'", join(root, 'services')], {
      encoding: 'utf8',
    })
    const slo = readFileSync(join(root, 'docs/slo.md'), 'utf8')
    for (const [metric] of `${text}${slo}`.matchAll(/parma_[a-z_]+/g))
      expect(sources).toContain(`'${metric.replace(/_(bucket|count|sum)$/, '')}'`)
    const commands = readFileSync(join(root, 'docs/commands.md'), 'utf8')
    for (const [, command] of text.matchAll(/(parma [a-z]+( [a-z]+)?)(?=[;'\n]| when)/g))
      expect(commands).toContain(command)
  })
})

test('the page of the chart names every value', () => {
  const page = readFileSync(join(import.meta.dirname, chart, 'README.md'), 'utf8')
  const values = helm('show', 'values', chart)
  for (const [, name] of values.matchAll(/^(\w+):/gm)) expect(page).toContain(`\`${name}`)
})
