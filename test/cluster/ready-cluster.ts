import { type Manifest, podOf } from '../../deploy/helm/render.ts'
import { actForControllers, type FinishedJob } from './act-for-controllers.ts'
import { type Cluster, startCluster } from './cluster.ts'

export type ReadyCluster = Cluster & {
  /** Of all namespaces; the list grows. */
  jobs: readonly FinishedJob[]
  /** Makes a namespace that takes only pods which Pod Security "restricted" takes. */
  makeNamespace(name: string): Promise<string>
  /** Makes the Secrets that pods of the manifests need, with the keys that they must have. */
  makeSecrets(namespace: string, manifests: readonly Manifest[]): Promise<void>
  /** The names of what is there, sorted. */
  list(namespace: string, kind: string): Promise<string[]>
}

/** A cluster with the definitions and the priority class that charts name. It ends with the calling file. */
export async function startReadyCluster(): Promise<ReadyCluster> {
  const cluster = await startCluster()
  const { kubectl } = cluster
  await kubectl(['apply', '--server-side', `--filename=${cluster.crds}`])
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
  const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'parma' }, value: 1 }
  await kubectl(['create', '--filename=-'], JSON.stringify(priority))
  return {
    ...cluster,
    jobs: actForControllers(cluster),
    async makeNamespace(name) {
      await kubectl(['create', 'namespace', name])
      await kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted'])
      await addAccount(cluster, name)
      return name
    },
    async makeSecrets(namespace, manifests) {
      const secrets = [...findSecrets(manifests)].map(([name, keys]) => {
        const stringData = Object.fromEntries([...keys].map((key) => [key, 'x']))
        return JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
      })
      await kubectl(['create', '--filename=-'], secrets.join('\n---\n'))
    },
    async list(namespace, kind) {
      const path = '--output=jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}'
      const names = await kubectl(['get', kind, `--namespace=${namespace}`, path])
      return names.split('\n').filter(Boolean).sort()
    },
  }
}

function findSecrets(manifests: readonly Manifest[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  const add = (name: string, keys: readonly string[]) => found.set(name, new Set([...(found.get(name) ?? []), ...keys]))
  for (const manifest of manifests) {
    const { volumes = [], containers = [] } = podOf(manifest) ?? {}
    for (const { secret } of volumes)
      if (secret)
        add(
          secret.secretName,
          (secret.items ?? []).map(({ key }) => key),
        )
    for (const { valueFrom } of containers.flatMap(({ env }) => env ?? []))
      if (valueFrom && !valueFrom.secretKeyRef.optional) add(valueFrom.secretKeyRef.name, [valueFrom.secretKeyRef.key])
  }
  return found
}

/** A controller makes it in other clusters. */
export async function addAccount({ kubectl }: Pick<Cluster, 'kubectl'>, namespace: string): Promise<void> {
  await kubectl(['create', 'serviceaccount', 'default', `--namespace=${namespace}`])
}
