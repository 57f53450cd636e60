import { type ApiRole, apiRoles } from './api-key.ts'

/**
 * Who asks: a person of parma-web, or, with `userId` null, a program or operator with an API key, who sees everything.
 * `name` is that of the person or key.
 */
export type Viewer = { userId: number | null; role: Role; name: string }

/** Roles of people and keys, each including those before it. A person whom parma-web calls ADMIN is an administrator. */
export type Role = ApiRole | 'admin'

const roles: readonly Role[] = [...apiRoles, 'admin']

/** Whether who has the role `held` may do what needs the role `needed`. */
export function includesRole(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed)
}
