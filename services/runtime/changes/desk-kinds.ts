import { z } from 'zod'
import { id } from './kind.ts'

// What operators ask for at the desk.

const rowId = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const destination = id.describe('Id of a destination of messages.')

export const deskKinds = {
  'notifier.delivery.resend': {
    payload: z
      .strictObject({ deliveries: z.array(rowId).min(1).max(500).describe('Ids of failed and unknown deliveries.') })
      .describe('Sends messages again. Those of which it is unknown whether they arrived may arrive twice.'),
    role: 'operator' as const,
    subject: () => 'deliveries',
  },
  'notifier.destination.test': {
    payload: z
      .strictObject({ destination })
      .describe('Sends a test message. One that arrives unparks the destination.'),
    role: 'operator' as const,
    subject: ({ destination }: { destination: number }) => `destination:${destination}`,
  },
  'notifier.destination.unpark': {
    payload: z.strictObject({ destination }).describe('Sends to a parked destination again, what waits first.'),
    role: 'operator' as const,
    subject: ({ destination }: { destination: number }) => `destination:${destination}`,
  },
}
