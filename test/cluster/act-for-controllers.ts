import { onCleanup } from '../harness/cleanup.ts'
import type { Cluster } from './cluster.ts'

/** A job of a setup step that comes to its end. */
export type FinishedJob = { namespace: string; uid: string; image: string; succeeded: boolean }

/**
 * Acts for the controllers and nodes that a cluster without them lacks: each job ends at once, and so does the pod of
 * `helm test`; Deployments have their replicas. A job whose image ends with `broken` fails. Returns those jobs; the list
 * grows.
 */
export function actForControllers({ kubectl, watch }: Cluster): FinishedJob[] {
  const finished: FinishedJob[] = []
  const seen = new Set<string>()
  const patches: Promise<unknown>[] = []
  onCleanup(async () => void (await Promise.all(patches)))
  const fields = (...paths: string[]) => paths.map((path) => `{.${path}}`).join(' ')
  const setStatus = (kind: string, namespace: string, name: string, status: object) => {
    const what = [`--namespace=${namespace}`, kind, name, '--subresource=status', '--type=merge']
    const patching = kubectl(['patch', ...what, `--patch=${JSON.stringify({ status })}`]).catch((error: Error) => {
      // Somebody may have deleted it meanwhile.
      if (!error.message.includes('NotFound')) throw error
    })
    patches.push(patching)
  }
  const job = fields('metadata.uid', 'metadata.namespace', 'metadata.name', 'spec.template.spec.containers[0].image')
  watch('jobs', job, (line) => {
    const [uid = '', namespace = '', name = '', image = ''] = line.split(' ')
    if (seen.has(uid)) return
    seen.add(uid)
    const succeeded = !image.endsWith('broken')
    finished.push({ namespace, uid, image, succeeded })
    setStatus('job', namespace, name, endOfJob(succeeded))
  })
  watch('pods', fields('metadata.uid', 'metadata.namespace', 'metadata.name'), (line) => {
    const [uid = '', namespace = '', name = ''] = line.split(' ')
    if (seen.has(uid)) return
    seen.add(uid)
    setStatus('pod', namespace, name, { phase: 'Succeeded' })
  })
  const deployment = fields(
    'metadata.uid',
    'metadata.generation',
    'metadata.namespace',
    'metadata.name',
    'spec.replicas',
  )
  watch('deployments', deployment, (line) => {
    const [uid, generation, namespace = '', name = '', replicas] = line.split(' ')
    if (seen.has(`${uid} ${generation}`)) return
    seen.add(`${uid} ${generation}`)
    const count = Number(replicas)
    const status = { observedGeneration: Number(generation), replicas: count, updatedReplicas: count }
    setStatus('deployment', namespace, name, { ...status, readyReplicas: count, availableReplicas: count })
  })
  return finished
}

function endOfJob(succeeded: boolean): object {
  const now = new Date().toISOString().replace(/\.\d+/, '')
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: now, lastTransitionTime: now })
  return succeeded
    ? {
        startTime: now,
        completionTime: now,
        succeeded: 1,
        conditions: ['SuccessCriteriaMet', 'Complete'].map(condition),
      }
    : { startTime: now, failed: 1, conditions: ['FailureTarget', 'Failed'].map(condition) }
}
