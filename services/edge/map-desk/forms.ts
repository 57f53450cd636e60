import { z } from 'zod'
import { lenientInt, text } from '../http/validation.ts'

export const sourceParams = z.object({ source_id: lenientInt })
export const versionParams = z.object({ source_id: lenientInt, version: lenientInt })
export const draftParams = z.object({ source_id: lenientInt, draft_id: lenientInt })
export const trialParams = z.object({ source_id: lenientInt, trial: z.uuid() })
export const saidQuery = z.object({ said: z.enum(['activated', 'refused']).optional() })
export const mapForm = z.object({ map: z.string() })
export const decideForm = z.object({
  in_force: z
    .string()
    .regex(/^\d{0,9}$/, 'must be a version')
    .default(''),
  reason: z.string().max(500).default(''),
})

/** A version or a map that is not in force, in a body of the API. */
export const numberOfMap = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
/** A map in a body of the API. */
export const givenMap = z.union([text(2_000_000), z.looseObject({})])
export const textOfMap = (map: z.output<typeof givenMap>) => (typeof map === 'string' ? map : JSON.stringify(map))

/** A map as a form sends it, escaped. */
export const maxMapBytes = 6 * 1024 * 1024
