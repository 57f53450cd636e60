import type { z } from 'zod'
import { splitSecrets } from '../web/split-secrets.ts'

/** The shortest secret that services accept outside of DEPLOYMENT_ENV=local, in bytes (RFC 7518 section 3.2). */
const minSecretBytes = 32

/** One sentence for each secret of `shape` that is short or well known. */
export function weakSecrets(shape: z.ZodRawShape, given: Record<string, string | undefined>): string[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const value = given[name]
    if (value === undefined || !hasMark('secret', schema as z.ZodType)) return []
    const secrets = hasMark('isRotating', schema as z.ZodType) ? splitSecrets(value).filter(Boolean) : [value]
    // The predecessor fell back to the variable's own name (contract section 16, entry 3).
    if (secrets.includes(name)) return [`${name} is its own name, which everybody knows: set a random one.`]
    if (secrets.some((secret) => Buffer.byteLength(secret) < minSecretBytes))
      return [`${name} is shorter than ${minSecretBytes} bytes.`]
    return []
  })
}

/** Also when it is optional or has a default: those wrap the schema that knows. */
function hasMark(mark: 'secret' | 'isRotating', schema: z.ZodType): boolean {
  return (
    schema.meta()?.[mark] === true ||
    ('unwrap' in schema && hasMark(mark, (schema as z.ZodOptional).unwrap() as z.ZodType))
  )
}
