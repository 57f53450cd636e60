import { z } from 'zod'
import { id, text } from './kind.ts'

// What operators ask for at the desk.

const rowId = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const destination = id.describe('Id of a destination of messages.')

const rule = z
  .string()
  .regex(/^rule\/\d{1,9}$/)
  .describe('Id of a rule, such as rule/3.')
const version = id.describe('The version that the operator saw: another one is refused.')
const ofRule = ({ rule = 'rules' }: { rule?: string | undefined }) => rule
const definition = z.looseObject({}).describe('As `parma rules add --dry-run --json` prints it.')
const written = { rule: rule.optional(), version: version.optional(), definition }
const isOfOne = ({ rule, version }: { rule?: unknown; version?: unknown }) =>
  (rule === undefined) === (version === undefined)

export const deskKinds = {
  'analyzer.rule.save': {
    payload: z
      .strictObject(written)
      .refine(isOfOne, 'must have rule and version together')
      .describe('Adds a rule, or changes the one that is named.'),
    role: 'operator' as const,
    subject: ofRule,
  },
  'analyzer.rule.switch': {
    payload: z.strictObject({ rule, version, enabled: z.boolean() }).describe('Switches a rule on or off.'),
    role: 'operator' as const,
    subject: ofRule,
  },
  'analyzer.rule.exclude': {
    payload: z
      .strictObject({ rule, version, company: id.optional(), bucket: id.optional(), source: id.optional() })
      .refine(
        ({ company, bucket, source }) => [company, bucket, source].filter((one) => one !== undefined).length === 1,
        'must have one of company, bucket and source',
      )
      .describe('Switches a rule off for a company, the companies of a bucket, or a source.'),
    role: 'operator' as const,
    subject: ofRule,
  },
  'analyzer.rule.rehearse': {
    payload: z.strictObject(written).describe('Tries a rule on what is stored of 12 months. Nothing is told.'),
    role: 'operator' as const,
    subject: ofRule,
    isInternal: true as const,
  },
  'notifier.audience.try': {
    payload: z
      .strictObject({ trial: z.uuid().describe('The change that tried a rule.') })
      .describe('Plans the messages about what a rule would have told. Nothing is sent.'),
    role: 'operator' as const,
    subject: () => 'audience',
    isInternal: true as const,
  },
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
