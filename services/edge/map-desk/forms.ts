import { z } from 'zod'
import { lenientInt } from '../http/validation.ts'

export const sourceParams = z.object({ source_id: lenientInt })
export const versionParams = z.object({ source_id: lenientInt, version: lenientInt })
export const draftParams = z.object({ source_id: lenientInt, draft_id: lenientInt })
export const saidQuery = z.object({ said: z.enum(['activated', 'refused']).optional() })
export const mapForm = z.object({ map: z.string() })
export const decideForm = z.object({
  in_force: z
    .string()
    .regex(/^\d{0,9}$/, 'must be a version')
    .default(''),
  reason: z.string().max(500).default(''),
})

/** A map as a form sends it, escaped. */
export const maxMapBytes = 6 * 1024 * 1024
