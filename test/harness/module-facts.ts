import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../deploy/local/config.ts'

type Companies = Record<string, Record<string, string[]>>
export type CrawlErrors = Record<string, { error_type: string; error_description: string }>
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** What a mining module sent and answered when it was observed. The companies have the ids 1, 2, 3 here. */
export type ModuleFacts = {
  source: string
  frequency: string
  /** The body of GET /initialize as the edge sends it. The nth registered measurement has id n. */
  initialize_body_with_ids: string
  /** `parent`: the last one with that name that was registered before. */
  registration_order: { measurement_name: string; type: string; parent: string | null }[]
  /** null when the module has no such route. */
  discover_response: object | null
  discover_nothing_found: { status: number; body: Json } | null
  /** `companies` is null where the module knows companies by itself. */
  companies_request: { companies: Companies | null }
  /** Company of each payload. */
  feed_company_ids: string[]
  payloads: Json[]
  /** What the normalizer makes of each payload. */
  expected: {
    mapped_leaf_count: number
    null_count: number
    unmapped_leaf_count: number
    by_type: Record<string, number>
  }[]
  finish_body: Record<'good_run' | 'bad_run', { errors: CrawlErrors }>
}

const folder = join(root, '../shared/data/modules')
const made = join(import.meta.dirname, 'made-module.json')

/**
 * The facts of a made-up module, which has everything real maps may have, and of the real modules whose files exist.
 */
export function readModuleFacts(): ModuleFacts[] {
  const real = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
  if (real.length === 0) console.log(`no facts of real modules in ${folder}: only the made-up one runs`)
  const files = [made, ...real.map((name) => join(folder, name))]
  return files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as ModuleFacts)
}

/** JSON as modules put it on the wire: Python's `json.dumps`, or the compact UTF-8 of later HTTP libraries. */
export type Wire = 'escaped' | 'compact'

export function writeJson(value: Json, wire: Wire): string {
  if (wire === 'compact') return JSON.stringify(value)
  // Line breaks are only between tokens: texts have them escaped.
  const spaced = JSON.stringify(value, null, 1).replaceAll(/,\n */g, ', ').replaceAll(/\n */g, '')
  return spaced.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
