import { expect, test } from 'vitest'
import { includesRole, type Role } from './roles.ts'

test('each role may do what those before it may, and nothing more', () => {
  const roles: Role[] = ['viewer', 'operator', 'admin']
  for (const [has, held] of roles.entries())
    for (const [needs, needed] of roles.entries()) expect(includesRole(held, needed)).toBe(has >= needs)
})
