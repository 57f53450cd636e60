import { resolve } from 'node:path'
import { z } from 'zod'
import { port, readEnv, secret } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { serviceSettings } from '#runtime/process/settings.ts'

/** The root of the repository, whose package.json names the packages that are mined. */
export const root = resolve(import.meta.dirname, '../..')

export const settings = {
  ...serviceSettings,
  MINER_PORT: port(24200).describe('Port of /initialize, /discover and /companies.'),
  MINER_HOST: z
    .string()
    .default('0.0.0.0')
    .describe('Address on which MINER_PORT listens. 127.0.0.1 serves this machine only.'),
  MINER_SOURCE_NAME: z
    .string()
    .regex(/^[a-z0-9_-]+$/, 'only a-z, 0-9, _ and -')
    .default('npm')
    .describe('Name of the data source that this module serves.'),
  ANALYTICS_BASE_URL: z.url().describe('Address of the edge.'),
  PARMA_SHARED_SECRET_KEY: secret().describe('Signs the outer level of tokens. Modules know it.'),
  MINER_NPM_COMMAND: z.string().default('npm').describe('Command that answers `view NAME --json`.'),
  MINER_CACHE_DIR: z
    .string()
    .default('.cache/npm-view')
    .transform((path) => resolve(root, path))
    .describe(
      'Folder of cached registry answers and of marks for packages whose history was sent, relative to the repository.',
    ),
}

export type Config = ReturnType<typeof readConfig>
export const readConfig = (env?: Env) => readEnv(settings, env)
