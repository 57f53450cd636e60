import type pg from 'pg'
import { owners } from '../../schemas/public-tables.ts'
import { runParma } from '../../deploy/local/parma.ts'

const roleOf = (name: string) => `parma_${name.replaceAll('-', '_')}`
const hasRole = (name: string) => name === 'raw-sink' || owners.some((owner) => owner === name)

/** The environment of a service, in which it is in Postgres what it is in production: its role, not the owner of all. */
export function asRole(name: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!env.DATABASE_URL || !hasRole(name)) return env
  const url = new URL(env.DATABASE_URL)
  if (url.username === 'postgres') url.username = roleOf(name)
  return { ...env, DATABASE_URL: url.href }
}

/** Gives each service its role in this database, and in copies of it, with the password of the owner. */
export async function makeRoles(client: pg.Client, databaseUrl: string): Promise<void> {
  await runParma({ ...process.env, DEPLOYMENT_ENV: 'local', DATABASE_URL: databaseUrl }, 'roles', 'apply')
  const password = client.escapeLiteral(decodeURIComponent(new URL(databaseUrl).password))
  for (const name of ['raw-sink', ...owners]) await client.query(`ALTER ROLE ${roleOf(name)} PASSWORD ${password}`)
}
