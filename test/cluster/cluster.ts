import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inheritedEnv, root } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { waitFor } from '../harness/wait-for.ts'
import { findClusterTools } from './tools.ts'

/** An API server with etcd, and nobody who acts on what it keeps: no scheduler, no controllers, no nodes. */
export type Cluster = {
  /** Runs kubectl and returns what it prints; `input` is its standard input. Throws with what it says. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  helm(...args: string[]): Promise<string>
  /** Runs a script that calls helm and kubectl, in a folder that has the repository's `deploy`. Returns what it prints. */
  sh(script: string): Promise<string>
  /** Calls `onLine` with each line that `kubectl get <what> --watch` prints. */
  watch(what: string, jsonPath: string, onLine: (line: string) => void): void
  /** The folder with the CustomResourceDefinitions of the kinds that the charts use. */
  crds: string
}

/** Starts one that ends with the calling test or file. */
export async function startCluster(): Promise<Cluster> {
  const tools = findClusterTools(console.log)
  const dir = mkdtempSync(join(tmpdir(), 'parma-cluster-'))
  onCleanup(() => rmSync(dir, { recursive: true, force: true }))
  const [client, peer, secure] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const local = (port: number) => `http://127.0.0.1:${port}`
  startServer(dir, tools.etcd, [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${local(client)}`,
    `--advertise-client-urls=${local(client)}`,
    `--listen-peer-urls=${local(peer)}`,
  ])
  const token = randomUUID()
  const log = startServer(dir, tools.apiServer, [
    ...[`--etcd-servers=${local(client)}`, `--secure-port=${secure}`, '--bind-address=127.0.0.1'],
    ...['--endpoint-reconciler-type=none', '--service-cluster-ip-range=10.0.0.0/24', '--authorization-mode=RBAC'],
    ...['--service-account-issuer=https://kubernetes.default.svc', ...writeKeys(dir)],
    ...[`--token-auth-file=${writeIn(dir, 'tokens.csv', `${token},admin,admin,system:masters`)}`],
    `--cert-dir=${join(dir, 'certificates')}`,
  ])
  const config = writeIn(dir, 'kubeconfig', renderConfig(secure, token))
  const env = { ...inheritedEnv, KUBECONFIG: config, HELM_CACHE_HOME: dir, HELM_CONFIG_HOME: dir, HELM_DATA_HOME: dir }
  const bin = join(dir, 'bin')
  mkdirSync(bin)
  for (const name of ['helm', 'kubectl'] as const) symlinkSync(tools[name], join(bin, name))
  symlinkSync(join(root, 'deploy'), join(dir, 'deploy'))
  const kubectl = (args: readonly string[], input = '') => run(join(bin, 'kubectl'), args, env, input)
  await waitFor('the API server', () => kubectl(['get', '--raw', '/readyz']), 120_000).catch((error: Error) => {
    throw new Error(`${error.message}\n${readFileSync(log, 'utf8').slice(-3000)}`)
  })
  return {
    kubectl,
    helm: (...args) => run(tools.helm, args, env, ''),
    sh: (script) =>
      run('bash', ['-eo', 'pipefail', '-c', script], { ...env, PATH: `${bin}:${inheritedEnv.PATH}` }, '', dir),
    watch(what, jsonPath, onLine) {
      const watching = spawn(
        tools.kubectl,
        ['get', what, '--all-namespaces', '--watch', `--output=jsonpath=${jsonPath}{"\\n"}`],
        { env, stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let rest = ''
      watching.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) onLine(line)
      })
      onCleanup(() => void watching.kill())
    },
    crds: tools.crds,
  }
}

/** Starts a server that is killed at the end, and returns the file of its log. */
function startServer(dir: string, program: string, args: readonly string[]): string {
  const file = join(dir, `${program.split('/').at(-1)}.log`)
  const output = openSync(file, 'w')
  const server = spawn(program, args, { cwd: dir, stdio: ['ignore', output, output] })
  closeSync(output)
  const ended = once(server, 'exit')
  onCleanup(async () => {
    server.kill('SIGKILL')
    await ended
  })
  return file
}

function writeIn(dir: string, name: string, text: string): string {
  const file = join(dir, name)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

function writeKeys(dir: string): string[] {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return [
    `--service-account-signing-key-file=${writeIn(dir, 'accounts.key', privateKey)}`,
    `--service-account-key-file=${writeIn(dir, 'accounts.pub', publicKey)}`,
  ]
}

/** The certificate is one that the server made for itself a moment ago, on this machine. */
function renderConfig(port: number, token: string): string {
  const cluster = { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  })
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input: string, cwd = root) {
  return new Promise<string>((done, fail) => {
    const child = execFile(program, args, { cwd, env, maxBuffer: 64e6 }, (error, stdout, stderr) =>
      error ? fail(new Error(`${stdout}${stderr}`, { cause: error })) : done(stdout),
    )
    // A program that does not read its input may have ended before it is written; its exit code says how.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
