import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Manifest, parseManifests, podOf, render } from '../../deploy/helm/render.ts'
import { root, services } from '../../deploy/local/config.ts'
import { actForControllers, type FinishedJob } from './act-for-controllers.ts'
import { type Cluster, startCluster } from './cluster.ts'

const examples = ['minimal', 'google-cloud', 'strimzi', 'full'] as const
const folder = join(root, 'deploy/helm')
const chart = join(folder, 'parma-analytics')
const values = `--values=${join(folder, 'examples/minimal.yaml')}`

let cluster: Cluster
let finished: FinishedJob[] = []
beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubectl(['apply', '--server-side', `--filename=${cluster.crds}`])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
  const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'parma' }, value: 1 }
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify(priority))
  finished = actForControllers(cluster)
}, 300_000)

/** A namespace that takes only pods which Pod Security "restricted" takes. */
async function makeNamespace(name: string): Promise<string> {
  await cluster.kubectl(['create', 'namespace', name])
  await cluster.kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted'])
  // A controller makes it in other clusters.
  await cluster.kubectl(['create', 'serviceaccount', 'default', `--namespace=${name}`])
  return name
}

async function list(namespace: string, kind: string): Promise<string[]> {
  const path = '--output=jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}'
  return (await cluster.kubectl(['get', kind, `--namespace=${namespace}`, path])).split('\n').filter(Boolean).sort()
}

async function readImages(namespace: string): Promise<string[]> {
  const path = '--output=jsonpath={.items[*].spec.template.spec.containers[0].image}'
  const images = await cluster.kubectl(['get', 'deployments', `--namespace=${namespace}`, path])
  return [...new Set(images.split(' '))]
}

const jobsOf = (namespace: string) => finished.filter((job) => job.namespace === namespace)
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
    await cluster.kubectl(['create', 'secret', 'generic', 'parma-settings', `--namespace=${namespace}`])
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
    ['a setting that no service reads', '--set=settings.KAFKA_BROKER=x', 'KAFKA_BROKER'],
    ['a secret among the settings', '--set=settings.DATABASE_URL=x', 'DATABASE_URL'],
    ['a number that is no text', '--set=services.edge.settings.MAX_CONNECTIONS=5', 'MAX_CONNECTIONS'],
    ['no replicas', '--set=services.edge.replicas=-1', 'services/edge/replicas'],
    ['more replicas than partitions', '--set=services.notifier.replicas=7', 'its largest topic has 6 partitions'],
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

  test('leaves your Secret and one NetworkPolicy behind when it is uninstalled', async () => {
    await cluster.helm('uninstall', 'analytics', `--namespace=${namespace}`)
    for (const kind of ['deployments', 'services', 'poddisruptionbudgets', 'jobs', 'ingresses', 'pods'])
      expect([kind, await list(namespace, kind)]).toEqual([kind, []])
    expect(await list(namespace, 'networkpolicies')).toEqual(['analytics-servers'])
    expect(await list(namespace, 'serviceaccounts')).toEqual(['default'])
    expect(await list(namespace, 'secrets')).toEqual(['parma-settings'])
  })
})

describe('what was there before', () => {
  const page = readFileSync(join(chart, 'README.md'), 'utf8')

  test('the plain manifests: the chart is installed beside them, and the command of its page removes them', async () => {
    const namespace = await makeNamespace('plain')
    await cluster.kubectl(['apply', `--namespace=${namespace}`, '--filename=-'], plainManifests())
    expect(await list(namespace, 'deployments')).toEqual([...services].sort())
    await install(namespace)
    expect(await list(namespace, 'deployments')).toEqual([...services, ...deployments].sort())
    const [, args = ''] = /`kubectl -n analytics (delete deployment,[^`]*)`/.exec(page) ?? []
    await cluster.kubectl([`--namespace=${namespace}`, ...args.split(' ')])
    expect(await list(namespace, 'deployments')).toEqual(deployments)
    expect(await list(namespace, 'services')).toEqual(['analytics-edge'])
    for (const kind of ['jobs', 'ingresses']) expect([kind, await list(namespace, kind)]).toEqual([kind, []])
    expect(await list(namespace, 'configmaps')).toEqual([])
  })

  test('manifests made by `helm template`: the chart takes them over only when it is told to', async () => {
    const namespace = await makeNamespace('templated')
    const made = parseManifests(await cluster.helm('template', 'analytics', chart, values))
    const manifests = toText(made.filter(({ kind }) => kind !== 'Job' && kind !== 'Pod'))
    await cluster.kubectl(['apply', `--namespace=${namespace}`, '--filename=-'], manifests)
    await expect(install(namespace)).rejects.toThrow('cannot be imported into the current release')
    await install(namespace, '--take-ownership')
    expect(await list(namespace, 'deployments')).toEqual(deployments)
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
