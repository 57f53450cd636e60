import { owners, publicTables } from './public-tables.ts'
import { sharedViews } from './views.ts'

/** What reads a shared view and has no schema of its own. */
const guests = ['raw_sink'] as const

const roleOf = (owner: string) => `parma_${owner}`
const schemaOf = (service: string) => service.replaceAll('-', '_')

/**
 * The SQL that gives each service a role with the least it needs: the rows of its own schema, the columns of others' that
 * schemas/views.ts offers it, and the tables of parma-web in schemas/public-tables.ts. It may run any number of times, as
 * the owner of the schemas, after each migration. A role gets its password from whoever installs.
 */
export function renderRoles(): string[] {
  return [
    ...[...owners, ...guests].map(createRole),
    ...owners.flatMap(grantOwn),
    ...sharedViews.flatMap(({ name, readers, columns }) => {
      const [owner = ''] = name.split('.')
      return readers.flatMap((reader) => [
        `GRANT USAGE ON SCHEMA ${owner} TO ${roleOf(schemaOf(reader))}`,
        `GRANT SELECT (${columns.map(quote).join(', ')}) ON ${name} TO ${roleOf(schemaOf(reader))}`,
      ])
    }),
    ...[...owners].flatMap(grantPublic),
    // They act with the rights of their owner.
    ...['create_month(timestamptz)', 'retire_month(text, text)', 'drop_retired_month(text)'].flatMap((name) => [
      `REVOKE EXECUTE ON FUNCTION normalizer.${name} FROM PUBLIC`,
      `GRANT EXECUTE ON FUNCTION normalizer.${name} TO parma_normalizer`,
    ]),
    // Commands do what the services do, in all schemas.
    `GRANT ${owners
      .filter((owner) => owner !== 'cli')
      .map(roleOf)
      .join(', ')} TO ${roleOf('cli')}`,
  ].filter((statement, index, all) => all.indexOf(statement) === index)
}

function createRole(owner: string): string {
  const role = roleOf(owner)
  return `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} LOGIN; END IF; END $$`
}

function grantOwn(owner: string): string[] {
  const role = roleOf(owner)
  const rows = 'SELECT, INSERT, UPDATE, DELETE'
  return [
    `GRANT USAGE ON SCHEMA ${owner} TO ${role}`,
    `GRANT ${rows} ON ALL TABLES IN SCHEMA ${owner} TO ${role}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${owner} TO ${role}`,
    // What later migrations of the same owner make.
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${owner} GRANT ${rows} ON TABLES TO ${role}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${owner} GRANT USAGE ON SEQUENCES TO ${role}`,
    `REVOKE INSERT, UPDATE, DELETE ON ${owner}.migration FROM ${role}`,
  ]
}

function grantPublic(owner: string): string[] {
  const role = roleOf(owner)
  const read = publicTables.filter(({ readers }) => readers.some((reader) => reader === owner))
  const written = publicTables.flatMap(({ name, writers }) => {
    const verbs = Object.entries(writers).find(([writer]) => writer === owner)?.[1] ?? []
    return verbs.length > 0 ? [`GRANT ${verbs.join(', ')} ON public.${quote(name)} TO ${role}`] : []
  })
  const locked = publicTables.filter(({ lockers = [] }) => lockers.some((locker) => locker === owner))
  return [
    ...(read.length > 0 ? [`GRANT USAGE ON SCHEMA public TO ${role}`] : []),
    ...read.map(({ name }) => `GRANT SELECT ON public.${quote(name)} TO ${role}`),
    ...written,
    // Postgres lets nobody lock a row who may not change any of it: https://www.postgresql.org/docs/18/sql-select.html
    ...locked.map(({ name }) => `GRANT UPDATE (modified_at) ON public.${quote(name)} TO ${role}`),
    ...(written.some((grant) => grant.includes('INSERT'))
      ? [`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`]
      : []),
  ]
}

/** A name that is a word of SQL, such as user, needs quotes. */
function quote(name: string): string {
  return `"${name}"`
}
