import { runner } from 'node-pg-migrate'

/**
 * Brings the schema `service` up to date with `<dir>/*.sql`, under an advisory lock, each file once. Returns the names
 * of the migrations it ran, or would run with `dryRun`.
 */
export async function migrate(databaseUrl: string, service: string, dir: string, dryRun: boolean): Promise<string[]> {
  const schema = service.replaceAll('-', '_')
  const done = await runner({
    databaseUrl,
    dir,
    direction: 'up',
    schema,
    createSchema: true,
    migrationsSchema: schema,
    createMigrationsSchema: true,
    migrationsTable: 'migration',
    singleTransaction: true,
    advisoryLockMode: 'wait',
    dryRun,
    log: () => undefined,
  })
  return done.map(({ name }) => name)
}
