/** What a caller may do, each including those before it. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** Whether who has the role `held` may do what needs the role `needed`. */
export function includesRole(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed)
}

/** Who asks for a change: `person:<public.user.id>`, `key:<name>`, `link:<public.user.id>`, `cli:<name>`; and their role. */
export type Actor = { name: string; role: Role }

/** The person (public.user.id) that an actor is; null: it is a program or an operator. */
export function personOf({ name }: Pick<Actor, 'name'>): number | null {
  const [, id] = /^(?:person|link):(\d{1,10})$/.exec(name) ?? []
  return id === undefined ? null : Number(id)
}

export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text)
}
