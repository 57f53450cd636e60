import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const pom = join(import.meta.dirname, 'pom.xml')

/**
 * The folder in `cache` that holds Kafka and the registry as `pom.xml` names them; Maven fetches them the first time.
 * Throws one sentence that names what to install when Java 17 or Maven is missing.
 */
export async function fetchJavaServers(cache: string, say: (text: string) => void): Promise<string> {
  await requireJava()
  const name = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
  const servers = join(cache, `servers-${name}`)
  if (existsSync(servers)) return servers
  say('fetching Kafka and the schema registry with Maven (about 200 MB, once)')
  const unfinished = `${servers}.${process.pid}`
  await runMaven(unfinished, say)
  // Two stacks may fetch at the same time; the first one's folder stays.
  if (existsSync(servers)) rmSync(unfinished, { recursive: true })
  else renameSync(unfinished, servers)
  return servers
}

async function requireJava(): Promise<void> {
  const install = 'install a Java 17 (or newer) runtime, for example the package openjdk-17-jre-headless.'
  const { stderr } = await promisify(execFile)('java', ['-version']).catch((error: unknown) => {
    throw new Error(`Java is missing: ${install}`, { cause: error })
  })
  const version = Number(/version "(?:1\.)?(\d+)/.exec(stderr)?.[1])
  if (version < 17) throw new Error(`Java ${version} is too old: ${install}`)
}

async function runMaven(directory: string, say: (text: string) => void): Promise<void> {
  const maven = spawn('mvn', ['-B', '-f', pom, 'prepare-package', `-Ddirectory=${directory}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(maven, 'close').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error('Maven is missing: install it, for example the package maven.')
  })
  const errors: string[] = []
  createInterface(maven.stdout).on('line', (line) => {
    const archive = /Downloaded from \S+: \S+\/(\S+\.(?:jar|tar\.gz) .*)/.exec(line)?.[1]
    if (archive) say(archive)
    if (line.includes('[ERROR]')) errors.push(line)
  })
  const [code] = await ended
  if (code !== 0) throw new Error(`Maven could not fetch the servers:\n${errors.join('\n')}`)
}
