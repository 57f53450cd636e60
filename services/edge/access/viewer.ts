import type { Role } from '#runtime/changes/roles.ts'

/**
 * Who asks: a person of parma-web, or, with `userId` null, a program or operator with an API key, who sees everything.
 * A person whom parma-web calls ADMIN has the role admin, others are viewers. `name` is that of the person or key.
 */
export type Viewer = { userId: number | null; role: Role; name: string }
