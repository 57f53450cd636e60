import { z } from 'zod'
import type { Role } from './roles.ts'

/** A kind of change: what it needs to know, and who may ask for it. */
export type Kind<P extends z.ZodType = z.ZodType> = {
  payload: P
  /** Who may ask for it. `own`: a viewer who is the person of the payload, or an operator. */
  role: 'own' | Role
  /** What is changed, such as `person:17`: changes of one subject keep their order. */
  subject(payload: z.output<P>): string
  /** Only the edge itself asks for it, so that no caller of the API can. */
  isInternal?: true
}

export const id = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not contain U+0000')

/** Gives `subject` the type of the payload. */
export const of = <P extends z.ZodType>(kind: Kind<P>): Kind<P> => kind
