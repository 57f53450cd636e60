import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '#runtime/process/log.ts'
import type { Config } from './config.ts'
import { factsSchema, type Facts } from './facts.ts'
import { RegistryUnavailable, type ViewPackage } from './npm-view.ts'
import { readRecording } from './recording.ts'

/** The facts about one package. Rejects with UnknownPackage for any package that this project does not depend on. */
export type FindFacts = (name: string) => Promise<Facts>

export class UnknownPackage extends Error {
  constructor(name: string) {
    super(`${name} is not a package that this project depends on: only those in its package.json are mined.`)
    this.name = 'UnknownPackage'
  }
}

/** A package is looked up again after this time: the module runs once a day. */
const maxAgeMs = 24 * 60 * 60 * 1000

/** When the registry does not answer, it is not asked for this long. */
const pauseMs = 10 * 60 * 1000

/**
 * Finds facts in a fresh file of the cache, else in the registry, else in an old file of the cache, else in the
 * recording. Calls for the same package at the same time share one look-up.
 */
export function openPackages(config: Config, own: Set<string>, view: ViewPackage, log: Log): FindFacts {
  const running = new Map<string, Promise<Facts>>()
  let pausedUntil = 0
  let recording: Map<string, Facts> | undefined

  async function find(name: string): Promise<Facts> {
    const file = join(config.MINER_CACHE_DIR, `${encodeURIComponent(name)}.json`)
    const cached = await readCached(file)
    if (cached && cached.ageMs < maxAgeMs) return cached.facts
    if (performance.now() >= pausedUntil) {
      try {
        const facts = await view(name)
        await keep(file, facts)
        return facts
      } catch (error) {
        if (error instanceof RegistryUnavailable) pausedUntil = performance.now() + pauseMs
        log.warn({ error, package: name }, 'npm_view_failed')
      }
    }
    if (cached) return cached.facts
    recording ??= readRecording()
    const recorded = recording.get(name)
    if (!recorded)
      throw new Error(`nothing is known about ${name}: the registry does not answer and the recording does not have it`)
    log.info({ package: name }, 'recording_used')
    return recorded
  }

  async function keep(file: string, facts: Facts): Promise<void> {
    try {
      await mkdir(config.MINER_CACHE_DIR, { recursive: true })
      await writeFile(`${file}.${process.pid}`, JSON.stringify(facts))
      await rename(`${file}.${process.pid}`, file)
    } catch (error) {
      log.warn({ error, file }, 'npm_view_not_cached')
    }
  }

  return (name) => {
    if (!own.has(name)) return Promise.reject(new UnknownPackage(name))
    const known = running.get(name) ?? find(name).finally(() => running.delete(name))
    running.set(name, known)
    return known
  }
}

/** The facts in a file of the cache. Null when there is none, or it cannot be read (cut short, of another version). */
async function readCached(file: string): Promise<{ facts: Facts; ageMs: number } | null> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    return { facts: factsSchema.parse(JSON.parse(text)), ageMs: Date.now() - mtimeMs }
  } catch {
    return null
  }
}
