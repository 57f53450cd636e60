import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findTool } from '../../deploy/helm/tools.ts'
import { cacheDir, listMissingForDebian, unpackDebianPackages } from '../harness/debian-packages.ts'

const kubernetes = '1.37.2'
/** Where the modules of other projects have their CustomResourceDefinitions. */
const crds = {
  'github.com/kedacore/keda/v2@v2.21.0': [
    'config/crd/bases/keda.sh_scaledobjects.yaml',
    'config/crd/bases/keda.sh_triggerauthentications.yaml',
  ],
  'github.com/prometheus-operator/prometheus-operator@v0.85.0': [
    'example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml',
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
  'github.com/external-secrets/external-secrets@v1.3.2': [
    'config/crds/bases/external-secrets.io_externalsecrets.yaml',
    'config/crds/bases/external-secrets.io_secretstores.yaml',
  ],
}

/** What this machine lacks to run a cluster's API server; empty when it lacks nothing. */
export function listMissing(): string[] {
  const hasGo = spawnSync('go', ['version']).status === 0
  const hasPip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0
  return [...listMissingForDebian(), ...(hasGo ? [] : ['Go']), ...(hasPip ? [] : ['Python with pip'])]
}

/** The programs of a cluster, fetched or built once into the cache. Throws an Error that says what to install. */
export function findClusterTools(say: (text: string) => void) {
  return {
    etcd: join(unpackDebianPackages(['etcd-server']), 'usr/bin/etcd'),
    kubectl: findTool('kubectl-1.37.1'),
    helm: findTool('helm-4.3.1'),
    crds: make('crds', fetchCrds),
    apiServer: make(`kube-apiserver-${kubernetes}`, (folder) => {
      say('building kube-apiserver with Go, once: about ten minutes on two cores that do nothing else ...')
      return buildApiServer(folder)
    }),
  }
}

/** The file or folder `name` of the cache; made in an empty folder when it is not there. */
function make(name: string, build: (folder: string) => string): string {
  const found = join(cacheDir, 'tools', name)
  if (existsSync(found)) return found
  mkdirSync(join(cacheDir, 'tools'), { recursive: true })
  const folder = mkdtempSync(join(cacheDir, 'tools', 'make-'))
  try {
    renameSync(build(folder), found)
    return found
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function go(cwd: string, ...args: string[]): string {
  const env = { ...process.env, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' }
  return execFileSync('go', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64e6 })
}

const folderOf = (module: string, cwd: string) =>
  (JSON.parse(go(cwd, 'mod', 'download', '-json', module)) as { Dir: string }).Dir

function fetchCrds(folder: string): string {
  const target = join(folder, 'crds')
  cpSync(join(import.meta.dirname, 'crds'), target, { recursive: true })
  for (const [module, files] of Object.entries(crds)) {
    const dir = folderOf(module, folder)
    for (const file of files) copyFileSync(join(dir, file), join(target, file.split('/').at(-1) ?? ''))
  }
  return target
}

/** Kubernetes is one module that takes its parts from its own folders; here they come as modules, too. */
function buildApiServer(folder: string): string {
  const module = 'k8s.io/kubernetes'
  const dir = folderOf(`${module}@v${kubernetes}`, folder)
  const { Go, Replace } = JSON.parse(go(dir, 'mod', 'edit', '-json')) as {
    Go: string
    Replace: { Old: { Path: string } }[]
  }
  const [, ...minor] = kubernetes.split('.')
  const lines = Replace.map(({ Old: { Path } }) => `replace ${Path} => ${Path} v0.${minor.join('.')}`)
  // Without a line of Go, it would read every module that any of them names.
  const head = ['module cluster', `go ${Go}`, `require ${module} v${kubernetes}`]
  writeFileSync(join(folder, 'go.mod'), [...head, ...lines].join('\n'))
  const version = 'k8s.io/component-base/version'
  const flags = { gitVersion: `v${kubernetes}`, gitMajor: '1', gitMinor: minor[0] }
  const said = Object.entries(flags).map(([name, value]) => `-X ${version}.${name}=${value}`)
  go(
    folder,
    'build',
    '-trimpath',
    '-ldflags',
    ['-s -w', ...said].join(' '),
    '-o',
    'kube-apiserver',
    `${module}/cmd/kube-apiserver`,
  )
  return join(folder, 'kube-apiserver')
}
