import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { ConfigError } from './config.ts'
import type { Env } from './legacy-env.ts'

/** Where the predecessor looked for the files of service accounts (contract section 7). */
export const secretsDir = resolve(import.meta.dirname, '../../../.secrets')

/** What every use of a service account needs of the JSON text that Google issues. */
export const serviceAccount = z.object({
  client_email: z.string(),
  private_key: z.string(),
  project_id: z.string().optional(),
})
export type ServiceAccount = z.output<typeof serviceAccount>

/** `env`, with `<variable>_FILE` naming the predecessor's file if that exists and neither of the two is set. */
export function withAccountFile(env: Env, variable: string, secrets: string, fileName: string): Env {
  const file = join(secrets, fileName)
  const isGiven = env[variable] || env[`${variable}_FILE`]
  return !isGiven && existsSync(file) ? { ...env, [`${variable}_FILE`]: file } : env
}

/** The account in `text`, the value of `variable`. Throws a ConfigError when it is none. */
export function readAccount<A>(shape: z.ZodType<A>, variable: string, text: string): A {
  const account = shape.safeParse(parseJson(text)).data
  if (account !== undefined) return account
  throw new ConfigError([`${variable} is not the JSON text of a service account (with client_email and private_key).`])
}

/** The project that is `given`, else the account's. The names are of the variables that both come from. */
export function projectOf(
  given: string | undefined,
  account: ServiceAccount | null,
  names: { project: string; account: string },
): string {
  const project = given ?? account?.project_id
  if (project !== undefined) return project
  throw new ConfigError([`${names.project} is missing${account ? `, and ${names.account} has no project_id` : ''}.`])
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
