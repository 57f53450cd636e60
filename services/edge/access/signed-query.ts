import { z } from 'zod'

const signature = z.string().max(100)

/** What a link that we signed carries in its query. Longer texts are none of ours. */
export const signedQuery = z.object({ signature }).partial()

/** The same of a link that expires. */
export const expiringQuery = z.object({ until: z.string().max(20), signature }).partial()
