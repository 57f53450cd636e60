import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { migrate } from '../../services/runtime/postgres/migrate.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'

/** Makes the tables of a service as they were before its last migration, whose name it returns. */
async function goBack({ database, env }: Installation, service: string): Promise<string> {
  const migrations = resolve(import.meta.dirname, '../../services', service, 'migrations')
  const names = (await readdir(migrations)).sort()
  const dir = await mkdtemp(join(tmpdir(), 'parma-migrations-'))
  onCleanup(() => rm(dir, { recursive: true }))
  for (const name of names.slice(0, -1)) await copyFile(join(migrations, name), join(dir, name))
  await database.query(`DROP SCHEMA ${service} CASCADE`)
  await migrate(readEnv(postgresSettings, { DATABASE_URL: env.DATABASE_URL }), service, dir, false)
  return (names.at(-1) ?? '').replace('.sql', '')
}

const ask = async (port: number) => {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
  return { status: answer.status, body: (await answer.json()) as Record<string, string> }
}

test.each(['scheduler', 'edge'])(
  'the %s is not ready below the schema it needs, and says what to do',
  async (service) => {
    const installation = await createInstallation()
    const last = await goBack(installation, service)
    const port = await findFreePort()
    const started = installation.start(service, { HEALTH_PORT: String(port) })
    const before = await waitFor('it to say what it lacks', async () => {
      const answer = await ask(port).catch(() => null)
      return answer?.body.schema !== undefined && answer
    })
    expect(before.status).toBe(503)
    expect(before.body.schema).toBe(`Postgres lacks the migration ${last} of ${service}: run \`npx parma migrate\`.`)
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)

    await installation.parma('migrate')
    // That of a later version, which has more.
    await installation.database.query(
      `INSERT INTO ${service}.migration (name, run_on) VALUES ('20991231T0000_x', now())`,
    )
    await started
    expect(await ask(port)).toMatchObject({ status: 200, body: { schema: 'ok' } })
  },
)
