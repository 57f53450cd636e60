import { resolve } from 'node:path'
import { z } from 'zod'
import { count, port, readEnv, secret, serviceSettings, type Env } from '#runtime/process/config.ts'

/** The root of the repository, whose package.json names the packages that are mined. */
export const root = resolve(import.meta.dirname, '../..')

export const settings = {
  ...serviceSettings,
  MINER_PORT: port(24200).describe('Port of /initialize, /discover and /companies.'),
  MINER_HOST: z
    .string()
    .default('0.0.0.0')
    .describe('Address on which the module listens; 127.0.0.1 for this machine only.'),
  MINER_SOURCE_NAME: z
    .string()
    .regex(/^[a-z0-9_-]+$/, 'only a-z, 0-9, _ and -')
    .default('npm')
    .describe('Name of the data source as which this module was added.'),
  ANALYTICS_BASE_URL: z.url().describe('Address of parma-analytics (its edge).'),
  PARMA_SHARED_SECRET_KEY: secret().describe('Secret that signs the tokens of mining modules.'),
  MINER_HISTORY_MONTHS: count(12, 0).describe(
    'Monthly snapshots posted when a package is crawled for the first time; 0 for none.',
  ),
  MINER_RELEASES_SINCE: z.iso
    .date()
    .default('2025-01-01')
    .describe(
      'Releases before this date are not listed. A list limited by a count would lose an item with each new one.',
    ),
  MINER_NPM_COMMAND: z.string().default('npm').describe('Command that understands `view NAME --json`.'),
  MINER_CACHE_DIR: z
    .string()
    .default('.cache/npm-view')
    .transform((path) => resolve(root, path))
    .describe(
      'Folder for answers of the registry, and for marks of packages whose history has been posted. Relative to the repository.',
    ),
}

export type Config = ReturnType<typeof readConfig>
export const readConfig = (env?: Env) => readEnv(settings, env)
