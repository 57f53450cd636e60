import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Manifest, parseManifests, podOf, render } from '../../deploy/helm/render.ts'
import { root, services } from '../../deploy/local/config.ts'
import { type ReadyCluster, startReadyCluster } from './ready-cluster.ts'

const examples = ['minimal', 'google-cloud', 'strimzi', 'full'] as const
const folder = join(root, 'deploy/helm')
const chart = join(folder, 'parma-analytics')
const values = `--values=${join(folder, 'examples/minimal.yaml')}`

let cluster: ReadyCluster
beforeAll(async () => {
  cluster = await startReadyCluster()
}, 300_000)

const makeNamespace = (name: string) => cluster.makeNamespace(name)
const list = (namespace: string, kind: string) => cluster.list(namespace, kind)

async function readImages(namespace: string): Promise<string[]> {
  const path = '--output=jsonpath={.items[*].spec.template.spec.containers[0].image}'
  const images = await cluster.kubectl(['get', 'deployments', `--namespace=${namespace}`, path])
  return [...new Set(images.split(' '))]
}

const readReplicas = (namespace: string, service: string) =>
  cluster.kubectl([
    'get',
    `deployment/analytics-${service}`,
    `--namespace=${namespace}`,
    '--output=jsonpath={.spec.replicas}',
  ])

const jobsOf = (namespace: string) => cluster.jobs.filter((job) => job.namespace === namespace)
const install = (namespace: string, ...args: string[]) =>
  cluster.helm('install', 'analytics', chart, `--namespace=${namespace}`, values, ...args)
const upgrade = (namespace: string, ...args: string[]) =>
  cluster.helm('upgrade', 'analytics', chart, `--namespace=${namespace}`, values, ...args)
const deployments = services.map((service) => `analytics-${service}`).sort()

const toText = (manifests: readonly unknown[]) => manifests.map((one) => JSON.stringify(one)).join('\n---\n')

describe('what the charts make', () => {
  test.each(examples)('of examples/%s.yaml is taken, field by field', async (example) => {
    const namespace = await makeNamespace(`fields-${example}`)
    const manifests = render('parma-analytics', example).map(({ metadata, ...rest }) => ({
      ...rest,
      metadata: { ...metadata, namespace },
    }))
    const answer = await cluster.kubectl(
      ['create', '--dry-run=server', '--validate=strict', '--filename=-'],
      toText(manifests),
    )
    expect(answer.trim().split('\n')).toHaveLength(manifests.length)
  })

  test.each(examples)('of examples/%s.yaml has pods that Pod Security "restricted" takes', async (example) => {
    const namespace = await makeNamespace(`pods-${example}`)
    const manifests = render('parma-analytics', example)
    const before = manifests.filter(({ kind }) => kind === 'ServiceAccount')
    await cluster.kubectl(['create', `--namespace=${namespace}`, '--filename=-'], toText(before))
    const pods = manifests.flatMap((one) => (podOf(one) ? [toPod(one)] : []))
    const create = ['create', `--namespace=${namespace}`, '--dry-run=server', '--filename=-']
    expect((await cluster.kubectl(create, toText(pods))).trim().split('\n')).toHaveLength(services.length + 2)
    // It was asked: a pod that may gain rights is refused.
    const [pod] = structuredClone(pods)
    pod!.spec.containers[0]!.securityContext.allowPrivilegeEscalation = true
    await expect(cluster.kubectl(create, toText([pod]))).rejects.toThrow('violates PodSecurity "restricted')
  })

  test.each(examples)('of examples/%s.yaml is installed, and goes', async (example) => {
    const namespace = await makeNamespace(`installed-${example}`)
    const values = join(folder, `examples/${example}.yaml`)
    await cluster.makeSecrets(namespace, render('parma-analytics', example))
    await cluster.helm('install', 'parma', chart, `--namespace=${namespace}`, `--values=${values}`)
    const made = render('parma-analytics', example).filter(({ metadata }) => !metadata.annotations?.['helm.sh/hook'])
    for (const { kind, metadata } of made)
      expect([kind, await list(namespace, kind)]).toEqual([kind, expect.arrayContaining([metadata.name])])
    await cluster.helm('uninstall', 'parma', `--namespace=${namespace}`)
    for (const kind of new Set(made.map(({ kind }) => kind)))
      expect([kind, await list(namespace, kind)]).toEqual([kind, kind === 'ServiceAccount' ? ['default'] : []])
  })

  test('the ExternalSecret of examples/ is taken', async () => {
    const namespace = await makeNamespace('external')
    const file = join(folder, 'examples/external-secret.yaml')
    await cluster.kubectl(['create', `--namespace=${namespace}`, '--validate=strict', `--filename=${file}`])
    expect(await list(namespace, 'externalsecrets')).toEqual(['parma-settings'])
  })

  function toPod(manifest: Manifest) {
    const spec = podOf(manifest)!
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name: spec.containers[0]!.name }, spec }
  }

  test('of parma-kafka is taken by Strimzi’s definitions', async () => {
    const namespace = await makeNamespace('kafka')
    await cluster.helm('install', 'kafka', join(folder, 'parma-kafka'), `--namespace=${namespace}`)
    expect(await list(namespace, 'kafkausers')).toContain('parma-normalizer')
    expect((await list(namespace, 'kafkatopics')).length).toBeGreaterThan(10)
  })
})

describe('a release', () => {
  const namespace = 'analytics'
  beforeAll(async () => {
    await makeNamespace(namespace)
  })

  test('is refused while its Secret or a key of it is missing, for which its pods would wait', async () => {
    await expect(install(namespace)).rejects.toThrow('There is no Secret parma-settings in the namespace analytics')
    const secret = ['secret', 'generic', 'parma-settings', `--namespace=${namespace}`, '--from-literal=DATABASE_URL=x']
    await cluster.kubectl(['create', ...secret])
    await expect(install(namespace)).rejects.toThrow('has no key PARMA_ANALYTICS_SECRET_KEY')
    await cluster.kubectl(['delete', 'secret', 'parma-settings', `--namespace=${namespace}`])
    expect(await list(namespace, 'deployments')).toEqual([])
    expect(jobsOf(namespace)).toEqual([])
    await cluster.makeSecrets(namespace, render('parma-analytics', 'minimal'))
  })

  test('is installed after its setup step, and says the next step', async () => {
    const notes = await install(namespace)
    expect(notes).toContain(`kubectl -n ${namespace} rollout status deployment`)
    expect(jobsOf(namespace)).toMatchObject([{ image: 'parma-analytics:0.1.0', succeeded: true }])
    expect(await list(namespace, 'deployments')).toEqual(deployments)
    expect(await list(namespace, 'jobs')).toEqual([])
  })

  test('is asked by `helm test`', async () => {
    expect(await cluster.helm('test', 'analytics', `--namespace=${namespace}`)).toContain('Succeeded')
  })

  test.each([
    ['a setting that no service reads', '--set=settings.KAFKA_BROKER=x', 'KAFKA_BROKER: no service reads it'],
    ['a secret among the settings', '--set=settings.DATABASE_URL=x', 'settings.DATABASE_URL is a secret: take it out'],
    ['a number that is no text', '--set=services.edge.settings.MAX_CONNECTIONS=5', 'MAX_CONNECTIONS'],
    ['no replicas', '--set=services.edge.replicas=-1', 'services/edge/replicas'],
    ['more replicas than partitions', '--set=services.notifier.replicas=7', 'its largest topic has 6 partitions'],
    ['a heap above the memory', '--set=services.analyzer.heapMb=900', 'services.analyzer.heapMb is 900'],
  ])('stays as it is when an upgrade has %s', async (_, value, sentence) => {
    await expect(upgrade(namespace, value)).rejects.toThrow(sentence)
    const history = await cluster.helm('history', 'analytics', `--namespace=${namespace}`, '--output=json')
    expect(JSON.parse(history)).toHaveLength(1)
  })

  test('is upgraded to another image, whose setup step is a new job', async () => {
    await upgrade(namespace, '--set=image.tag=0.2.0')
    const [first, second] = jobsOf(namespace)
    expect(second).toMatchObject({ image: 'parma-analytics:0.2.0', succeeded: true })
    expect(second?.uid).not.toBe(first?.uid)
    expect(await readImages(namespace)).toEqual(['parma-analytics:0.2.0'])
  })

  test('keeps its services when the setup step of an upgrade fails, whose log stays', async () => {
    await expect(upgrade(namespace, '--set=image.tag=broken')).rejects.toThrow('pre-upgrade hooks failed')
    expect(jobsOf(namespace).at(-1)).toMatchObject({ image: 'parma-analytics:broken', succeeded: false })
    expect(await readImages(namespace)).toEqual(['parma-analytics:0.2.0'])
    expect(await list(namespace, 'jobs')).toEqual(['analytics-setup'])
    expect(await list(namespace, 'networkpolicies')).not.toContain('analytics-setup')
    await upgrade(namespace, '--set=image.tag=0.3.0')
    expect(await readImages(namespace)).toEqual(['parma-analytics:0.3.0'])
    expect(await list(namespace, 'jobs')).toEqual([])
  })

  test('is rolled back to the image of before, without a setup step', async () => {
    const before = jobsOf(namespace).length
    await cluster.helm('rollback', 'analytics', '1', `--namespace=${namespace}`)
    expect(await readImages(namespace)).toEqual(['parma-analytics:0.1.0'])
    expect(jobsOf(namespace)).toHaveLength(before)
  })

  test('was scaled by hand: an upgrade says so, and takes it back only when it is told to', async () => {
    const scale = ['scale', 'deployment/analytics-normalizer', '--replicas=3', `--namespace=${namespace}`]
    await cluster.kubectl(scale)
    await expect(upgrade(namespace)).rejects.toThrow('conflict with "kubectl"')
    expect(await readReplicas(namespace, 'normalizer')).toBe('3')
    await upgrade(namespace, '--force-conflicts')
    expect(await readReplicas(namespace, 'normalizer')).toBe('1')
  })

  test('gives scaling to KEDA and the autoscaler, and alerts to Prometheus', async () => {
    const more = ['keda.enabled', 'monitoring.enabled', 'services.edge.autoscaling.enabled']
    await upgrade(namespace, ...more.map((name) => `--set=${name}=true`))
    expect(await list(namespace, 'scaledobjects')).toEqual(deployments.filter((name) => name !== 'analytics-edge'))
    expect(await list(namespace, 'horizontalpodautoscalers')).toEqual(['analytics-edge'])
    expect(await list(namespace, 'podmonitors')).toEqual(['analytics-services'])
    expect(await list(namespace, 'prometheusrules')).toEqual(['analytics-alerts'])
    await upgrade(namespace)
    expect(await list(namespace, 'scaledobjects')).toEqual([])
  })

  test('leaves your Secret behind when it is uninstalled', async () => {
    await cluster.helm('uninstall', 'analytics', `--namespace=${namespace}`)
    for (const kind of ['deployments', 'services', 'poddisruptionbudgets', 'networkpolicies', 'jobs', 'pods'])
      expect([kind, await list(namespace, kind)]).toEqual([kind, []])
    expect(await list(namespace, 'serviceaccounts')).toEqual(['default'])
    expect(await list(namespace, 'secrets')).toEqual(['parma-settings'])
  })
})

describe('what was there before', () => {
  const page = readFileSync(join(chart, 'README.md'), 'utf8')

  test('the plain manifests: the chart is installed beside them, and the command of its page removes them', async () => {
    const namespace = await makeNamespace('plain')
    await cluster.makeSecrets(namespace, render('parma-analytics', 'minimal'))
    await cluster.kubectl(['apply', `--namespace=${namespace}`, '--filename=-'], plainManifests())
    expect(await list(namespace, 'deployments')).toEqual([...services].sort())
    await install(namespace)
    expect(await list(namespace, 'deployments')).toEqual([...services, ...deployments].sort())
    const [, args = ''] = /kubectl -n analytics (delete deployment,.*?)\n +```/s.exec(page) ?? []
    await cluster.sh(`kubectl -n ${namespace} ${args}`)
    expect(await list(namespace, 'deployments')).toEqual(deployments)
    expect(await list(namespace, 'services')).toEqual(['analytics-edge'])
    for (const kind of ['jobs', 'ingresses']) expect([kind, await list(namespace, kind)]).toEqual([kind, []])
    expect(await list(namespace, 'configmaps')).toEqual([])
  })

  test('manifests made by `helm template`, of another image: the chart takes them over only when it is told to', async () => {
    const namespace = await makeNamespace('templated')
    await cluster.makeSecrets(namespace, render('parma-analytics', 'minimal'))
    const made = parseManifests(await cluster.helm('template', 'analytics', chart, values, '--set=image.tag=0.0.9'))
    const manifests = toText(made.filter(({ kind }) => kind !== 'Pod'))
    await cluster.kubectl(['apply', `--namespace=${namespace}`, '--filename=-'], manifests)
    await expect(install(namespace)).rejects.toThrow('cannot be imported into the current release')
    await install(namespace, '--take-ownership', '--force-conflicts')
    expect(await list(namespace, 'deployments')).toEqual(deployments)
    expect(await readImages(namespace)).toEqual(['parma-analytics:0.1.0'])
  })

  /** The manifests of before the chart, from the history of this repository. */
  function plainManifests(): string {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
    const last = git('log', '--diff-filter=D', '--format=%H', '-1', '--', 'deploy/k8s/setup-job.yaml')
    if (!last) throw new Error('the history of this clone does not go back to the plain manifests: fetch all of it')
    const files = git('ls-tree', '--name-only', `${last}^`, 'deploy/k8s/').split('\n')
    const texts = files.filter((file) => file.endsWith('.yaml')).map((file) => git('show', `${last}^:${file}`))
    expect(parseManifests(texts.join('\n---\n')).length).toBeGreaterThan(8)
    return texts.join('\n---\n')
  }
})
