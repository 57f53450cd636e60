import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { inheritedEnv, root } from '../../deploy/local/config.ts'
import { cacheDir, unpackDebianPackages } from '../harness/debian-packages.ts'

const run = promisify(execFile)
const image = 'localhost/parma-analytics:test'
/** The base of deploy/Dockerfile, by its digest. */
const base = /^ARG BASE=(.+)$/m.exec(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8'))?.[1] ?? ''

type Say = (text: string) => void
/** Runs a command of buildah and returns what it prints. */
type Buildah = (command: string, ...args: string[]) => Promise<string>

/**
 * Builds deploy/Dockerfile with buildah and writes the image into `archive`, under the name that is returned. `work` is
 * a folder for what is needed meanwhile. Layers are kept for the next build.
 */
export async function buildImage(work: string, archive: string, say: Say): Promise<string> {
  const buildah = await prepareBuildah(work)
  const from = await findBase(buildah, work, say)
  say(`building deploy/Dockerfile from ${from} ...`)
  const { stdout: revision } = await run('git', ['rev-parse', 'HEAD'], { cwd: root })
  const named = { BASE: from, REVISION: revision.trim() }
  const args = Object.entries(named).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  const options = ['--format=docker', '--pull=never', '--network=host', '--layers', ...npmOfThisMachine(work)]
  await buildah('build', ...options, ...args, '--tag', image, '--file', 'deploy/Dockerfile', '.')
  await buildah('push', image, `docker-archive:${archive}:${image}`)
  return image
}

async function prepareBuildah(work: string): Promise<Buildah> {
  const folder = unpackDebianPackages(['buildah', 'patchelf'])
  // It starts itself again without LD_LIBRARY_PATH.
  const program = join(work, 'buildah')
  copyFileSync(join(folder, 'usr/bin/buildah'), program)
  await run(join(folder, 'usr/bin/patchelf'), ['--set-rpath', join(folder, 'usr/lib/x86_64-linux-gnu'), program])
  const env = {
    ...inheritedEnv,
    BUILDAH_ISOLATION: 'chroot',
    CONTAINERS_CONF: join(folder, 'usr/share/containers/containers.conf'),
    CONTAINERS_REGISTRIES_CONF: join(folder, 'etc/containers/registries.conf'),
  }
  const storage = ['root', 'runroot'].map((name) => `--${name}=${join(cacheDir, 'image', name)}`)
  const policy = `--signature-policy=${join(folder, 'etc/containers/policy.json')}`
  const knowsPolicy = ['build', 'commit', 'pull', 'push']
  return async (command, ...args) => {
    const own = knowsPolicy.includes(command) ? [policy] : []
    const { stdout } = await run(program, [...storage, command, ...own, ...args], { cwd: root, env, maxBuffer: 64e6 })
    return stdout.trim()
  }
}

/** The base of the Dockerfile where a registry gives it, else a stand-in. */
async function findBase(buildah: Buildah, work: string, say: Say): Promise<string> {
  const works = (...args: Parameters<Buildah>) => buildah(...args).then(() => true, () => false) // prettier-ignore
  if (await works('pull', '--quiet', base)) return base
  const standIn = `localhost/parma-base:${process.version}`
  say(`no registry gives ${base}: a Debian made by mmdebstrap, with Node ${process.version}, stands in for it`)
  if (!(await works('inspect', '--type=image', standIn))) await makeStandIn(buildah, work, standIn)
  return standIn
}

/** An image like `node:24-bookworm-slim`: the least of Debian 12, this Node and npm, and the user `node`. */
async function makeStandIn(buildah: Buildah, work: string, name: string): Promise<void> {
  const folder = unpackDebianPackages(['mmdebstrap'])
  const archive = join(work, 'base.tar')
  const slim = ['doc', 'info', 'locale', 'man'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`)
  const PATH = `${join(folder, 'usr/bin')}:${inheritedEnv.PATH}`
  await run('mmdebstrap', ['--quiet', '--variant=minbase', ...slim, 'bookworm', archive], {
    env: { ...inheritedEnv, PATH },
  })
  const npm = dirname(dirname(resolve((await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])).stdout.trim())))
  const container = await buildah('from', 'scratch')
  await buildah('add', container, archive, '/')
  await buildah('copy', container, process.execPath, '/usr/local/bin/node')
  await buildah('copy', container, npm, '/usr/local/lib/node_modules/npm')
  const finish =
    'ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --create-home node'
  await buildah('run', container, '--', 'sh', '-c', finish)
  await buildah('commit', '--quiet', '--format=docker', '--rm', container, name)
}

/** Options by which npm in the build uses the registry and authorities of this machine. Nothing of them is in the image. */
function npmOfThisMachine(work: string): string[] {
  const own = join(homedir(), '.npmrc')
  const authorities = inheritedEnv.NODE_EXTRA_CA_CERTS
  const file = join(work, 'npmrc')
  const lines = [existsSync(own) ? readFileSync(own, 'utf8') : '', authorities ? 'cafile=/run/authorities.crt' : '']
  writeFileSync(file, lines.join('\n'))
  return [
    `--volume=${file}:/root/.npmrc:ro`,
    ...(authorities ? [`--volume=${authorities}:/run/authorities.crt:ro`] : []),
  ]
}
