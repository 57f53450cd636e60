import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parseAllDocuments } from 'yaml'
import { findTool } from './tools.ts'

const folder = import.meta.dirname

type EnvVar = {
  name: string
  value?: string
  valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } }
}
type Container = {
  name: string
  image: string
  command: string[]
  env?: EnvVar[]
  ports?: { name: string; containerPort: number }[]
  lifecycle?: { preStop?: { sleep?: { seconds: number } } }
  resources: { limits: { memory: string } }
  securityContext: Record<string, unknown>
}
export type PodSpec = {
  containers: Container[]
  securityContext: Record<string, unknown>
  automountServiceAccountToken: boolean
  terminationGracePeriodSeconds: number
  volumes?: { name: string; secret?: { secretName: string; items?: { key: string }[] } }[]
}
export type Manifest = {
  apiVersion: string
  kind: string
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> }
  /** Each kind has another one; kinds.json checks it. */
  spec: unknown
}

/** What helm prints. Throws an Error with what it says when it refuses. */
export function helm(...args: string[]): string {
  try {
    return execFileSync(findTool('helm-4.3.1'), args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${stdout}${stderr}`, { cause: error })
  }
}

/** The manifests that a chart makes of a file of examples/ and further values. */
export function render(chart: string, example: string, ...args: string[]): Manifest[] {
  return parseManifests(helm('template', 'parma', chart, '--values', `examples/${example}.yaml`, ...args))
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const manifest = document.toJS() as Manifest | null
    return manifest ? [manifest] : []
  })
}

const { kinds, $defs } = JSON.parse(readFileSync(join(folder, 'kinds.json'), 'utf8')) as {
  kinds: Record<string, object>
  $defs: object
}
const ajv = new Ajv2020({ strict: false, allErrors: true })
const compiled = new Map<string, ValidateFunction>()

/** What the API server would refuse of a manifest, as sentences. */
export function findFaults(manifest: Manifest): string[] {
  const kind = `${manifest.apiVersion}/${manifest.kind}`
  if (!kinds[kind]) return [`kinds.json has no ${kind}: see deploy/helm/README.md`]
  const validate = compiled.get(kind) ?? ajv.compile({ ...kinds[kind], $defs })
  compiled.set(kind, validate)
  validate(manifest)
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${kind} ${manifest.metadata.name} ${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/** The specs of pods in a manifest: of a Deployment, a Job, or a pod itself. */
export function podOf({ kind, spec }: Manifest): PodSpec | null {
  if (kind === 'Pod') return spec as PodSpec
  return kind === 'Deployment' || kind === 'Job' ? (spec as { template: { spec: PodSpec } }).template.spec : null
}
