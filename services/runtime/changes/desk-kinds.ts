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
  'analyzer.held_run.decide': {
    payload: z
      .strictObject({
        run: id.describe('Number of the run, as `parma suspect ls` lists it.'),
        state: z
          .enum(['released', 'dropped'])
          .describe('The source was right: its news items go out. Or it was wrong: what looks wrong is no news.'),
      })
      .describe('Decides about a run that is held because many companies look alike. Once.'),
    role: 'operator' as const,
    subject: ({ run }: { run: number }) => `run:${run}`,
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

const common = {
  source: id.describe('Id of the source (public.data_source.id).'),
  revision: z
    .int()
    .min(0)
    .optional()
    .describe(
      'Of scheduler.plan_view, as whoever asks has seen it (0: there was no row). Refused when it is another one by now.',
    ),
}
const subject = ({ source }: { source: number }) => `source:${source}`

/** What operators change of when sources run. */
export const schedulerKinds = {
  'scheduler.plan.set': {
    payload: z
      .strictObject({
        ...common,
        cron: text(200)
          .optional()
          .describe('Minute, hour, day of month, month and day of week; `none`: its frequency.'),
        zone: text(80).optional().describe('Time zone of the pattern and the window.'),
        window: text(20).optional().describe('Part of the day, such as 08:00-18:00; `none` removes it.'),
        jitter: text(10).optional().describe('Seconds over which planned runs are spread.'),
        catch_up: z.enum(['latest', 'all', 'none']).optional().describe('Which slots run after an outage.'),
        attempts: text(10).optional().describe('Attempts at a task, or `default`.'),
        backoff: text(10).optional().describe('Seconds before the second attempt, or `default`.'),
        overlap: z.boolean().optional().describe('Whether a run may start while another one is running.'),
      })
      .describe('When a source runs. What is not given stays.'),
    role: 'operator' as const,
    subject,
  },
  'scheduler.pause': {
    payload: z
      .strictObject({
        ...common,
        until: z
          .int()
          .min(0)
          .max(253_402_300_799_999)
          .optional()
          .describe('End of the pause, ms since 1970; without it, until somebody resumes the source.'),
        why: text(500).optional().describe('For other operators.'),
      })
      .describe('Starts no further runs of a source. A run that has started goes on.'),
    role: 'operator' as const,
    subject,
  },
  'scheduler.resume': {
    payload: z.strictObject(common).describe('Ends the pause of a source.'),
    role: 'operator' as const,
    subject,
  },
  'scheduler.run': {
    payload: z
      .strictObject({
        source: common.source,
        companies: z
          .array(id)
          .min(1)
          .max(1000)
          .optional()
          .describe('Only these companies; without it, all that are linked.'),
      })
      .describe('Runs a source now, in addition to its plan.'),
    role: 'operator' as const,
    subject,
  },
}
