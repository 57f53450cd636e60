import { z } from 'zod'
import { isZone } from '../text/time-zone.ts'
import { deskKinds, schedulerKinds } from './desk-kinds.ts'
import { id, type Kind, of, text } from './kind.ts'
import { normalizerKinds } from './normalizer-kinds.ts'

/** The services that carry out changes. */
export type Owner = 'notifier' | 'analyzer' | 'normalizer' | 'scheduler'

const news = z.uuid().toLowerCase().describe('Id of a news item.')
const person = id.describe('Id of the person (public.user.id).')
const zone = text(80).refine(isZone, 'must be a time zone, such as Europe/Berlin')
const wallTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00')
const revision = text(60)
  .optional()
  .describe('Of the settings as whoever asks has seen them. When somebody has changed them since, nothing is changed.')
/** A hundred years. */
const minutes = z
  .int()
  .min(1)
  .max(100 * 366 * 24 * 60)
  .describe('For how long; without it, permanently.')

type Fields = Readonly<Record<string, unknown>>
const hasOne =
  (...names: string[]) =>
  (value: Fields) =>
    names.filter((name) => value[name] !== undefined).length === 1

function own<P extends z.ZodType<{ person: number }>>(payload: P): Kind<P> {
  return { payload, role: 'own', subject: ({ person }) => `person:${person}` }
}

/** All changes that can be asked for, with what each needs to know. The name begins with the owner. */
const kinds = {
  ...schedulerKinds,
  'notifier.follow.add': own(
    z
      .strictObject({ person, company: id.optional(), bucket: id.optional() })
      .refine(hasOne('company', 'bucket'), 'must have either company or bucket')
      .describe('The person follows a company, or the companies that are in a bucket at a time.'),
  ),
  'notifier.follow.remove': own(
    z
      .strictObject({ person, company: id.optional(), bucket: id.optional(), subscription: id.optional() })
      .refine(hasOne('company', 'bucket', 'subscription'), 'must have one of company, bucket and subscription')
      .describe('The person no longer follows it. A subscription is known by its id.'),
  ),
  'notifier.mute.add': own(
    z
      .strictObject({
        person,
        news_id: news.optional(),
        scope: z.enum(['series', 'measurement', 'company']).optional().describe('What of the news item.'),
        until_worse: z.literal(true).optional().describe('Until a news item about it is worse than this one.'),
        company: id.optional(),
        bucket: id.optional(),
        source: id.optional(),
        measurement: id.optional().describe('Id of a source measurement.'),
        subject_key: text(100_000).optional().describe('With measurement and company: one series.'),
        item_key: text(100_000).optional(),
        below: z.enum(['warning', 'critical']).optional().describe('Only what is less severe.'),
        minutes: minutes.optional(),
      })
      .refine(
        (value) => (value.news_id === undefined) === (value.scope === undefined),
        'must have news_id and scope together',
      )
      .refine(
        ({ news_id, ...other }) =>
          news_id === undefined ||
          !['company', 'bucket', 'source', 'measurement', 'subject_key', 'item_key'].some((name) => name in other),
        'must have either a news item or what it is about',
      )
      .refine(({ until_worse, news_id }) => !until_worse || news_id !== undefined, 'until_worse needs news_id')
      .refine(
        ({ subject_key, item_key, company, measurement }) =>
          (subject_key === undefined && item_key === undefined) || (company !== undefined && measurement !== undefined),
        'a series needs company and measurement',
      )
      .describe('The person gets no messages about news items that match all that is given. Digests have them.'),
  ),
  'notifier.mute.remove': own(z.strictObject({ person, mute: id }).describe('Ends a mute.')),
  'notifier.quiet.set': own(
    z
      .strictObject({
        person,
        from: wallTime.optional(),
        to: wallTime.optional().describe('The next day if not after `from`.'),
        none: z.literal(true).optional().describe('No quiet hours at all, not even the usual ones.'),
        zone,
        days: z.array(z.int().min(1).max(7)).min(1).max(7).optional().describe('When they begin; 1 is Monday.'),
        hold_critical: z.boolean().optional(),
        add: z.boolean().optional().describe('Keeps those that there are.'),
        revision,
      })
      .refine(
        ({ none, from, to }) =>
          none ? from === undefined && to === undefined : from !== undefined && to !== undefined,
        'must have either from and to, or none',
      )
      .refine(
        ({ none, days, hold_critical, add }) => !none || (days === undefined && !hold_critical && !add),
        'none goes without days, hold_critical and add',
      )
      .describe('Hours in which the person gets no messages.'),
  ),
  'notifier.quiet.clear': own(z.strictObject({ person, revision }).describe('Removes all quiet hours.')),
  'notifier.digest.set': own(
    z
      .strictObject({
        person,
        bucket: id.optional().describe('About the companies of a bucket; without it, about all that they follow.'),
        rhythm: z.enum(['daily', 'weekly', 'monthly', 'off']).optional(),
        hour: z.int().min(0).max(23).optional(),
        weekday: z.int().min(1).max(7).optional().describe('1 is Monday.'),
        zone: zone.optional(),
        channel: id.nullable().optional().describe('Only this channel; null: every channel for reports.'),
        all_quiet: z.boolean().optional().describe('Also when there is no news item: that all is quiet.'),
        revision,
      })
      .describe('Which digests the person gets. What is not given stays.'),
  ),
  'notifier.digest.remove': own(
    z.strictObject({ person, bucket: id.optional(), revision }).describe('Back to the defaults.'),
  ),
  'notifier.digest.preview': own(
    z
      .strictObject({ person, bucket: id.optional() })
      .describe('Composes the next digest, to look at. Nothing is sent.'),
  ),
  'notifier.channel.test': own(z.strictObject({ person, channel: id }).describe('Sends a test message.')),
  'notifier.feedback.set': own(
    z
      .strictObject({
        person,
        news_id: news,
        answer: z
          .enum(['useful', 'not_useful', 'done', 'snooze', 'open', 'none'])
          .describe('`open` undoes done and snooze; `none` undoes all.'),
        minutes: minutes.optional().describe('Of a snooze: for how long.'),
      })
      .refine(({ answer, minutes }) => (answer === 'snooze') === (minutes !== undefined), 'a snooze needs minutes')
      .describe('What a person says of a news item.'),
  ),
  'notifier.sign_in.mail': {
    ...own(
      z
        .strictObject({ person, channel: id, sign_in: z.uuid().toLowerCase() })
        .describe('Sends a link to sign in to an e-mail channel that only this person has.'),
    ),
    isInternal: true,
  },
  ...deskKinds,
  'analyzer.polarity.set': of({
    payload: z
      .strictObject({
        measurement: id.describe('Id of a source measurement.'),
        polarity: z.enum(['good', 'bad', 'neither', 'default']).describe('What more of it means; `default`: its name.'),
        weight: z.number().min(0).max(1).optional().describe('How much it counts; without it, as its name says.'),
      })
      .describe('Whether more of a measurement is good.'),
    role: 'operator',
    subject: ({ measurement }) => `measurement:${measurement}`,
  }),
  ...normalizerKinds,
  // The edge asks for it, for whoever may read the series.
  'analyzer.rule.try': {
    ...of({
      payload: z
        .strictObject({
          company_measurement: id,
          subject: text(2000).describe('As analyzer.series_view has it.'),
          item: text(2000).nullable(),
          condition: z.enum(['percent', 'absolute', 'above', 'below', 'unusual']),
          direction: z.enum(['up', 'down', 'both']).optional().describe('Of a change; without it, both.'),
          threshold: z
            .number()
            .describe(
              'The change (percent or absolute), the level, or the score of detectors (in percent) that is told.',
            ),
        })
        .describe('Judges what is stored of a series by a rule that does not exist, or by detectors. Nothing is told.'),
      role: 'viewer',
      subject: ({ company_measurement }) => `series:${company_measurement}`,
    }),
    isInternal: true,
  },
} satisfies Record<`${Owner}.${string}`, Kind>

export type KindName = keyof typeof kinds
export type KindOf<O extends Owner> = Extract<KindName, `${O}.${string}`>
export type Payload<K extends KindName> = z.output<(typeof kinds)[K]['payload']>
/** The payload as it is sent. */
export type PayloadInput<K extends KindName> = z.input<(typeof kinds)[K]['payload']>

export const kindNames = Object.keys(kinds) as KindName[]

export function isKind(name: string): name is KindName {
  return Object.hasOwn(kinds, name)
}

/** A kind, whichever it is. */
export function kindOf(name: KindName): Kind {
  return kinds[name] as Kind
}

export function ownerOf(name: KindName): Owner {
  return name.split('.')[0] as Owner
}
