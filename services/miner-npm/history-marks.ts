import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '#runtime/process/log.ts'

/**
 * Remembers which packages of which company have had their history posted to a data source. Losing the marks is
 * harmless: history that comes again is stored as late, and nobody is notified.
 */
export type HistoryMarks = {
  has(sourceId: string, companyId: string, name: string): boolean
  set(sourceId: string, companyId: string, name: string): Promise<void>
}

/**
 * One empty file per mark. Its name depends on the installation's secret, because ids start again in a new
 * installation.
 */
export function openHistoryMarks(dir: string, secret: string, log: Log): HistoryMarks {
  const fileOf = (...parts: string[]) =>
    join(dir, createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex'))
  return {
    has: (...parts) => existsSync(fileOf(...parts)),
    async set(...parts) {
      try {
        await mkdir(dir, { recursive: true })
        await writeFile(fileOf(...parts), '')
      } catch (error) {
        log.warn({ error }, 'history_not_marked')
      }
    },
  }
}
