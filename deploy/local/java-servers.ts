import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const reportEveryMs = 10_000
const pom = join(import.meta.dirname, 'pom.xml')

/**
 * The folder in `cache` that holds Kafka and the registry as `pom.xml` names them; Maven downloads them the first time.
 * Without Java 17 or Maven it throws one sentence that names what to install.
 */
export async function fetchJavaServers(cache: string, say: (text: string) => void): Promise<string> {
  await requireJava()
  const name = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
  const servers = join(cache, `servers-${name}`)
  if (existsSync(servers)) return servers
  say('downloading Kafka and the schema registry with Maven (about 200 MB, only once)')
  const unfinished = `${servers}.${process.pid}`
  await runMaven(unfinished, say)
  // When two stacks download at the same time, the folder of the first one stays.
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
  let downloaded = 0
  createInterface(maven.stdout).on('line', (line) => {
    downloaded += readSize(line)
    if (line.includes('[ERROR]')) errors.push(line)
  })
  const report = setInterval(() => say(`downloaded ${Math.round(downloaded / 1e6)} MB`), reportEveryMs)
  const [code] = await ended.finally(() => clearInterval(report))
  if (code !== 0) throw new Error(`Maven could not download the servers:\n${errors.join('\n')}`)
}

const units: Record<string, number> = { kB: 1e3, MB: 1e6, GB: 1e9 }

/**
 * Bytes of a line like `Downloaded from central: https://…/kafka_2.13-4.1.0.jar (5.6 MB at 8.1 MB/s)`; 0 of any other.
 */
export function readSize(line: string): number {
  const [, size, unit = ''] = /Downloaded from .* \(([\d.]+) (\w+) at /.exec(line) ?? []
  return Number(size ?? 0) * (units[unit] ?? 1)
}
