// Writes kinds.json: the JSON schemas of the Kubernetes kinds that the charts make, strict, without descriptions.
// node deploy/helm/make-kinds.ts <swagger.json of k8s.io/kubernetes> <CRD.yaml> ...
// Where the files come from stands in the README beside this file. It runs when a version or a kind is added, never in CI.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

type Schema = { [keyword: string]: unknown; properties?: Record<string, Schema> }
type Definition = Schema & { 'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[] }

/** The kinds of Kubernetes itself, as `apiVersion/kind`. */
const builtIn = [
  'v1/ConfigMap',
  'v1/Pod',
  'v1/Service',
  'v1/ServiceAccount',
  'apps/v1/Deployment',
  'batch/v1/Job',
  'autoscaling/v2/HorizontalPodAutoscaler',
  'policy/v1/PodDisruptionBudget',
  'networking.k8s.io/v1/Ingress',
  'networking.k8s.io/v1/NetworkPolicy',
]
const kept = ['type', 'enum', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'required']

/** The schema without words for people. An object with properties has no others: the API server refuses them. */
function tidy(schema: Schema): Schema {
  const { $ref, properties, items, additionalProperties, 'x-kubernetes-int-or-string': either, format } = schema
  const ref = typeof $ref === 'string' ? $ref.replace('#/definitions/', '') : undefined
  if (ref?.endsWith('.IntOrString') || either === true || format === 'int-or-string')
    return { type: ['integer', 'string'] }
  if (ref?.endsWith('.Quantity')) return { type: ['number', 'string'] }
  if (ref?.endsWith('.Time') || ref?.endsWith('.MicroTime')) return { type: 'string' }
  if (ref) return { $ref: `#/$defs/${ref}` }
  const tidied: Schema = Object.fromEntries(kept.flatMap((name) => (name in schema ? [[name, schema[name]]] : [])))
  // Go's regular expressions have flags that others do not have.
  if (String(tidied.pattern).includes('(?')) delete tidied.pattern
  if (items) tidied.items = tidy(items as Schema)
  if (additionalProperties && typeof additionalProperties === 'object')
    tidied.additionalProperties = tidy(additionalProperties as Schema)
  if (properties) {
    tidied.properties = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, tidy(one)]))
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true) tidied.additionalProperties ??= false
  }
  return tidied
}

const [swagger = '', ...crds] = process.argv.slice(2)
const { definitions } = JSON.parse(readFileSync(swagger, 'utf8')) as { definitions: Record<string, Definition> }
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
const kinds: Record<string, Schema> = {}
const $defs: Record<string, Schema> = {}

/** Takes the definitions that `schema` names, and those that they name. */
function take(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) return
  for (const [keyword, value] of Object.entries(schema)) {
    const name = keyword === '$ref' ? String(value).replace('#/$defs/', '') : null
    if (name === null) take(value)
    else if (!(name in $defs)) take(($defs[name] = tidy(definitions[name] ?? {})))
  }
}

for (const kind of builtIn) {
  const found = Object.entries(definitions).find(([, { 'x-kubernetes-group-version-kind': names = [] }]) =>
    names.some((one) => [one.group, one.version, one.kind].filter(Boolean).join('/') === kind),
  )
  if (!found) throw new Error(`${swagger} has no ${kind}`)
  kinds[kind] = tidy(found[1])
}
for (const file of crds) {
  type Crd = {
    spec: { group: string; names: { kind: string }; versions: { name: string; schema: { openAPIV3Schema: Schema } }[] }
  }
  const { spec } = parse(readFileSync(file, 'utf8')) as Crd
  for (const { name, schema } of spec.versions) {
    const tidied = tidy(schema.openAPIV3Schema)
    tidied.properties = { ...tidied.properties, metadata: { $ref: `#/$defs/${meta}` } }
    kinds[`${spec.group}/${name}/${spec.names.kind}`] = tidied
  }
}
for (const schema of Object.values(kinds)) {
  delete schema.properties?.status
  take(schema)
}
const lines = (all: Record<string, Schema>) =>
  Object.entries(all)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, schema]) => `${JSON.stringify(name)}: ${JSON.stringify(schema)}`)
    .join(',\n')
writeFileSync(
  join(import.meta.dirname, 'kinds.json'),
  `{"kinds": {\n${lines(kinds)}\n},\n"$defs": {\n${lines($defs)}\n}}\n`,
)
