import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type User = { uid: number; gid: number }

/** The user for servers that do not run as root; undefined when this process is not root. */
export function findUnprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find((fields) => fields[0] === name)
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error('running as root, and there is no user postgres or nobody to run Postgres as: add one of them.')
}

/** Whether `user` may pass through every folder above `path`. */
export function canReach(user: User | undefined, path: string): boolean {
  if (!user) return true
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder)
    const mayEnter = uid === user.uid ? mode & 0o100 : gid === user.gid ? mode & 0o010 : mode & 0o001
    if (!mayEnter) return false
    if (folder === dirname(folder)) return true
  }
}

/** Makes a folder of `user` unless it exists. Throws when another user made it. */
export function ownFolder(path: string, { uid, gid }: User, mode: number): string {
  if (!lstatSync(path, { throwIfNoEntry: false })) {
    mkdirSync(path, { mode: 0o700 })
    chmodSync(path, mode) // the umask cuts the mode of mkdir
    chownSync(path, uid, gid)
  }
  const found = lstatSync(path)
  if (!found.isDirectory() || found.uid !== uid) throw new Error(`${path} is not a folder of user ${uid}: remove it.`)
  return path
}

/** The folder for what `user` must reach while only root may enter the repository. */
export function sharedStateDir(user: User): string {
  const stateDir = ['/var/lib', tmpdir()].find((dir) => canReach(user, join(dir, 'x')))
  if (!stateDir) throw new Error(`neither /var/lib nor ${tmpdir()} can be entered by user ${user.uid}`)
  return ownFolder(join(stateDir, 'parma-analytics'), { uid: 0, gid: 0 }, 0o755)
}
