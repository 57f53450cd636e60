import { z } from 'zod'

const time = z.string().meta({ format: 'date-time', description: 'UTC, ISO 8601.' })

/** What programs read of a news item, beside its text. */
const newsFacts = z
  .object({
    news_id: z.guid(),
    event_id: z.guid().describe('The payload that made it: GET /api/v1/events/{event_id}.'),
    kind: z.string().describe('What happened, such as `threshold`, `changed`, `appeared` or `gone`.'),
    company_id: z.int(),
    data_source_id: z.int(),
    source_measurement_id: z.int(),
    subject_key: z.string().nullable().describe('What the payload is about, if a company has several subjects.'),
    item_key: z.string().nullable().describe('The list item; null: it is about no item.'),
    previous: z.string().nullable().describe('The value before, as the text shows it.'),
    current: z.string().nullable().describe('The value now, as the text shows it.'),
    percent: z.number().nullable().describe('The change in percent; null: there is none.'),
    score: z.number().nullable().describe('How unusual the detectors find it, from 0 to 1; null: a rule found it.'),
    importance: z.number().nullable().describe('How much it matters, from 0 to 1.'),
    observed_at: time,
    rule: z.object({ id: z.string(), version: z.int() }).nullable().describe('The rule; null: it needed none.'),
    why: z.string().nullable().describe('The page that explains it; null: links are not set up.'),
  })
  .meta({ title: 'Facts of a news item' })
export type NewsFacts = z.output<typeof newsFacts>

/** What programs read of an operational event. */
const opsFacts = z
  .object({
    event_id: z.guid(),
    kind: z.string().describe('Such as `source-down` or `stale`.'),
    service: z.string(),
    subject: z.string(),
    resolved: z.boolean().describe('True: the incident is over.'),
    at: time,
  })
  .meta({ title: 'Facts of an operational event' })
export type OpsFacts = z.output<typeof opsFacts>

const lineOf = <F extends z.ZodType>(facts: F) =>
  z.object({
    heading: z
      .string()
      .nullable()
      .describe('Heading of this line and those that follow, up to the next heading: a company.'),
    severity: z.string().describe('`info`, `warning` or `critical`; `resolved` where an incident is over.'),
    title: z.string(),
    details: z.array(z.string()),
    link: z.string().nullable().describe('The page that explains it.'),
    facts,
  })

const bodyOf = <T extends string, F extends z.ZodType>(type: T, facts: F) =>
  z.object({
    type: z.literal(type),
    timestamp: time.meta({ description: 'When the message was written, UTC, ISO 8601.' }),
    data: z.object({
      subject: z.string(),
      about: z.object({ kind: z.enum(['company', 'operations', 'channel', 'test']), name: z.string() }),
      context: z.string().describe('The sources and the time.'),
      lines: z.array(lineOf(facts)),
      rest: z.string().describe('What `lines` leaves out; empty: nothing.'),
      why: z.string().describe('Why this destination gets the message.'),
      trace: z.string().describe('Ids for people; programs read `facts`.'),
    }),
  })

/** Null: the line is about no single news item, or was written before there were facts. */
const ofNews = newsFacts.nullable().describe('Null: the line is about no single news item.')

/**
 * The body of each type of webhook. Fields are only added. The notifier sends them, and /openapi.json describes them.
 */
export const webhookBodies = {
  'parma.news': bodyOf('parma.news', ofNews),
  'parma.digest': bodyOf('parma.digest', ofNews),
  'parma.ops': bodyOf('parma.ops', opsFacts.nullable().describe('Null: the message is about a channel.')),
  'parma.test': bodyOf('parma.test', z.null()),
} as const

export type WebhookType = keyof typeof webhookBodies
export type WebhookBody = { [T in WebhookType]: z.output<(typeof webhookBodies)[T]> }[WebhookType]
