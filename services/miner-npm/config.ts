import { resolve } from 'node:path'
import { z } from 'zod'
import { count, port, readEnv, secret, serviceSettings, type Env } from '#runtime/process/config.ts'

/** The repository: its package.json names the packages that are mined. */
export const root = resolve(import.meta.dirname, '../..')

export const settings = {
  ...serviceSettings,
  MINER_PORT: port(24200).describe('Port of /initialize, /discover and /companies.'),
  MINER_HOST: z.string().default('0.0.0.0').describe('Address that port listens on; 127.0.0.1 for this machine only.'),
  MINER_SOURCE_NAME: z
    .string()
    .regex(/^[a-z0-9_-]+$/, 'only a-z, 0-9, _ and -')
    .default('npm')
    .describe('Name of the data source this module was added as.'),
  ANALYTICS_BASE_URL: z.url().describe('Address of parma-analytics (its edge).'),
  PARMA_SHARED_SECRET_KEY: secret().describe('Secret that signs the tokens of mining modules.'),
  MINER_HISTORY_MONTHS: count(12, 0).describe('Monthly snapshots fed when a package is crawled first; 0 for none.'),
  MINER_RELEASES_SINCE: z.iso
    .date()
    .default('2025-01-01')
    .describe(
      'Older releases are not listed. A date, as a list bound by a count would lose an item with each new one.',
    ),
  MINER_NPM_COMMAND: z.string().default('npm').describe('Command that answers `view NAME --json`.'),
  MINER_CACHE_DIR: z
    .string()
    .default('.cache/npm-view')
    .transform((path) => resolve(root, path))
    .describe('Folder of look-ups, and of marks for which packages have had their history fed; from the repository.'),
}

export type Config = ReturnType<typeof readConfig>
export const readConfig = (env?: Env) => readEnv(settings, env)
