import { z } from 'zod'
import { id } from './kind.ts'

// What operators ask for at the desk.

const rowId = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const destination = id.describe('Id of a destination of messages.')

const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not contain U+0000')

export const deskKinds = {
  'notifier.person.add': {
    payload: z
      .strictObject({ name: text(20_000), email: text(1000).optional().describe('Where they get messages.') })
      .describe('Adds a person, who is no administrator.'),
    role: 'operator' as const,
    subject: () => 'people',
  },
  'notifier.channel.add': {
    payload: z
      .strictObject({
        person: id,
        type: z.enum(['EMAIL', 'SLACK', 'WEBHOOK']),
        destination: text(20_000),
        purpose: z.enum(['NOTIFICATION', 'REPORT']).describe('Alerts, or digests.'),
        secret: text(200).optional().describe('The name of a secret, not the secret itself.'),
      })
      .describe('A person gets messages at an address.'),
    role: 'operator' as const,
    subject: ({ person }: { person: number }) => `person:${person}`,
  },
  'notifier.channel.leave': {
    payload: z.strictObject({ person: id, channel: id }).describe('A person gets no more messages at a channel.'),
    role: 'operator' as const,
    subject: ({ person }: { person: number }) => `person:${person}`,
  },
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
