import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Manifest, podOf } from '../../deploy/helm/render.ts'
import type { Engine } from './engine.ts'

/** What a manifest asks of its container, in the words of `docker run`. Pods of the chart have one container. */
export type Pod = {
  name: string
  /** Of the cluster; on this machine all containers have one network, so ports are given anew. */
  env: Record<string, string>
  memory: string
  options: string[]
  command: string[]
}

/**
 * The pod of a manifest of the chart, with `secrets` in place of its Secret. Files of the Secret are written into a
 * folder of `dir`.
 */
export function readPod(manifest: Manifest, secrets: Record<string, string>, dir: string): Pod {
  const spec = podOf(manifest)
  const container = spec?.containers[0]
  if (!spec || !container) throw new Error(`${manifest.kind} ${manifest.metadata.name} has no container`)
  const { runAsUser, runAsGroup } = spec.securityContext
  const { capabilities, readOnlyRootFilesystem, allowPrivilegeEscalation } = container.securityContext
  const dropped = (capabilities as { drop: string[] }).drop
  const files = join(dir, container.name)
  mkdirSync(files)
  for (const { key } of spec.volumes?.find(({ name }) => name === 'secrets')?.secret?.items ?? [])
    writeFileSync(join(files, key), need(secrets, key))
  const memory = container.resources.limits.memory
  return {
    name: container.name,
    env: Object.fromEntries(
      (container.env ?? []).flatMap(({ name, value, valueFrom }) => {
        const { key = '', optional } = valueFrom?.secretKeyRef ?? {}
        return value !== undefined ? [[name, value]] : optional && !secrets[key] ? [] : [[name, need(secrets, key)]]
      }),
    ),
    memory,
    options: [
      `--user=${String(runAsUser)}:${String(runAsGroup)}`,
      `--memory=${memory.replace('Mi', 'm')}`,
      ...dropped.map((capability) => `--cap-drop=${capability}`),
      ...(readOnlyRootFilesystem === true ? ['--read-only'] : []),
      ...(allowPrivilegeEscalation === false ? ['--security-opt=no-new-privileges'] : []),
      '--tmpfs=/tmp:size=64m',
      `--volume=${files}:/run/secrets/parma:ro`,
    ],
    command: container.command,
  }
}

/**
 * Starts a container as its manifest says, on the network of this machine, where it weighs as much as another process.
 * `env` wins over that of the manifest.
 */
export async function startPod(
  { docker }: Engine,
  image: string,
  pod: Pod,
  env: Record<string, string>,
): Promise<void> {
  const variables = Object.entries({ ...pod.env, ...env }).map(([name, value]) => `--env=${name}=${value}`)
  await docker(
    'run',
    '--detach',
    `--name=${pod.name}`,
    ...['--network=host', '--cgroup-parent=/'],
    ...pod.options,
    ...variables,
    image,
    ...pod.command,
  )
}

/** What the kernel says of the first process of a container: its user, rights and memory. */
export async function readProcess({ docker }: Engine, name: string) {
  const pid = await docker('inspect', '--format={{.State.Pid}}', name)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (field: string) => new RegExp(`^${field}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? ''
  return {
    uid: Number(read('Uid')),
    hasCapabilities: /[1-9a-f]/.test(read('CapEff') + read('CapBnd')),
    mayGainPrivileges: read('NoNewPrivs') !== '1',
    mebibytes: Number(read('VmRSS')) / 1024,
    mostMebibytes: Number(read('VmHWM')) / 1024,
  }
}

function need(secrets: Record<string, string>, key: string): string {
  const value = secrets[key]
  if (value === undefined) throw new Error(`the chart wants the key ${key} of its Secret`)
  return value
}
