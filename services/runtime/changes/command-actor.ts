import { userInfo } from 'node:os'
import type { Actor } from './roles.ts'

/** Whoever runs a command, as the audit log names them: they have the password of the database. */
export function commandActor(): Actor {
  return { name: `cli:${nameOfUser()}`, role: 'admin' }
}

function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    // A user id without a name, as in containers.
    return String(process.getuid?.() ?? 'unknown')
  }
}
