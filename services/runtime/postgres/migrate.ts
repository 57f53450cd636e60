import { runner } from 'node-pg-migrate'
import { type AddressSettings, readDatabaseAddress } from '../process/database-address.ts'
import { explainTls } from './explain-tls.ts'

/**
 * Brings the schema `service` up to date with `<dir>/*.sql`, under an advisory lock, each file once, in the order of their
 * names. A file whose name comes before one that has run already (two branches met) runs too. Returns the names of the
 * migrations it ran, or would run with `dryRun`.
 */
export async function migrate(
  settings: AddressSettings,
  service: string,
  dir: string,
  dryRun: boolean,
): Promise<string[]> {
  const { url, host, tls } = readDatabaseAddress(settings)
  const schema = service.replaceAll('-', '_')
  const done = await runner({
    databaseUrl: { connectionString: url, ssl: tls },
    dir,
    direction: 'up',
    schema,
    createSchema: true,
    migrationsSchema: schema,
    createMigrationsSchema: true,
    migrationsTable: 'migration',
    singleTransaction: true,
    checkOrder: false,
    advisoryLockMode: 'wait',
    dryRun,
    log: () => undefined,
  }).catch((cause: unknown) => {
    explainTls(host, cause)
    throw cause
  })
  return done.map(({ name }) => name)
}
