import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { createCounter, type Fate, type Reply, startFaultyServer } from './faulty-server.ts'

// https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send and …/limitations, …/errors

const person = z.strictObject({ email: z.email(), name: z.string().optional() })
const reserved = ['x-sg-id', 'x-sg-eid', 'received', 'dkim-signature', 'content-type', 'content-transfer-encoding']
const headers = z
  .record(z.string().regex(/^[!-9;-~]+$/), z.string().regex(/^[\x20-\x7e\t]*$/))
  .refine(
    (all) =>
      !Object.keys(all).some((name) =>
        [...reserved, 'to', 'from', 'subject', 'reply-to', 'cc', 'bcc'].includes(name.toLowerCase()),
      ),
    'You have included a reserved header',
  )
const maxRecipients = 1000
const maxCustomArgs = 10_000
const maxBody = 30 * 1024 * 1024

const customArgs = z
  .record(z.string(), z.string())
  .refine((args) => Buffer.byteLength(JSON.stringify(args)) < maxCustomArgs, 'must be less than 10,000 bytes')
const sendAt = z.number().int().positive()

const personalization = z
  .strictObject({
    to: z.array(person).min(1),
    cc: z.array(person).optional(),
    bcc: z.array(person).optional(),
    from: person.optional(),
    subject: z.string().min(1).optional(),
    headers: headers.optional(),
    substitutions: z.record(z.string(), z.string()).optional(),
    dynamic_template_data: z.record(z.string(), z.unknown()).optional(),
    custom_args: customArgs.optional(),
    send_at: sendAt.optional(),
  })
  .refine(({ to, cc = [], bcc = [] }) => {
    const all = [...to, ...cc, ...bcc].map(({ email }) => email.toLowerCase())
    return new Set(all).size === all.length
  }, 'Each email address in the personalization block should be unique between to, cc, and bcc.')
  .refine(
    ({ substitutions, dynamic_template_data: data }) => !(substitutions && data),
    'substitutions cannot be used with dynamic_template_data',
  )

const mailSend = z
  .strictObject({
    personalizations: z
      .array(personalization)
      .min(1)
      .max(1000)
      .refine(
        (all) =>
          all.reduce((sum, { to, cc = [], bcc = [] }) => sum + to.length + cc.length + bcc.length, 0) <= maxRecipients,
        'There is a limit of 1000 total recipients (to + cc + bcc) per request.',
      ),
    from: person,
    reply_to: person.optional(),
    reply_to_list: z.array(person).max(1000).optional(),
    subject: z.string().min(1).optional(),
    content: z
      .array(z.strictObject({ type: z.string().regex(/^[\w.+-]+\/[\w.+-]+$/), value: z.string().min(1) }))
      .min(1)
      .optional(),
    attachments: z
      .array(
        z.strictObject({
          content: z.base64().min(1),
          filename: z.string().min(1),
          type: z.string().optional(),
          disposition: z.enum(['inline', 'attachment']).optional(),
          content_id: z.string().optional(),
        }),
      )
      .optional(),
    template_id: z
      .string()
      .regex(/^d-[0-9a-f]{32}$/)
      .optional(),
    headers: headers.optional(),
    categories: z.array(z.string().max(255)).max(10).optional(),
    custom_args: customArgs.optional(),
    send_at: sendAt.optional(),
    batch_id: z.string().optional(),
    asm: z
      .strictObject({ group_id: z.number().int(), groups_to_display: z.array(z.number().int()).max(25).optional() })
      .optional(),
    ip_pool_name: z.string().min(2).max(64).optional(),
    mail_settings: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
    tracking_settings: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  })
  .superRefine(({ template_id, content, subject, personalizations, reply_to, reply_to_list }, { addIssue }) => {
    const say = (path: string, message: string) => addIssue({ code: 'custom', path: [path], message })
    if (!template_id && !content) say('content', 'Unless a valid template_id is provided, the content is required.')
    if (!template_id && !subject && !personalizations.every((one) => one.subject))
      say('subject', 'The subject is required, unless the template has one.')
    if (template_id === undefined && personalizations.some((one) => one.dynamic_template_data))
      say('template_id', 'dynamic_template_data needs a dynamic template')
    const types = (content ?? []).map(({ type }) => type)
    if (types.toSorted(byMimeOrder).join() !== types.join())
      say('content', 'If present, text/plain and text/html may only be provided once, and in this order.')
    if (reply_to && reply_to_list) say('reply_to', 'Only one of reply_to and reply_to_list may be given.')
  })

type SendGridMail = z.output<typeof mailSend>

export type SendGridServer = {
  /** The value of SENDGRID_API_URL. */
  url: string
  apiKey: string
  /** Every mail that it accepted, in order and unchanged. */
  mails: SendGridMail[]
  mailsTo(address: string): SendGridMail[]
  /** How often a mail to `address` was attempted. */
  calls(address: string): number
  /** Why it refused mails of a wrong shape. */
  refusals: string[]
}

/**
 * SendGrid's POST /v3/mail/send, with its documented schema, limits and answers. `decide`: the nth mail (from 0) to an
 * address.
 */
export async function startSendGridServer(
  decide: (address: string, nth: number) => Fate = () => 'pass',
): Promise<SendGridServer> {
  const apiKey = `SG.${randomBytes(16).toString('base64url')}.${randomBytes(32).toString('base64url')}`
  const mails: SendGridMail[] = []
  const refusals: string[] = []
  const counter = createCounter()

  function refuse(status: number, errors: { message: string; field: string | null }[]): Reply {
    refusals.push(...errors.map(({ message, field }) => `${status} ${field ?? ''} ${message}`))
    const body = JSON.stringify({ errors: errors.map((error) => ({ ...error, help: null })) })
    return { status, headers: { 'content-type': 'application/json' }, body }
  }

  const url = await startFaultyServer(
    ({ method, path, headers: sent, body }) => {
      if (path !== '/v3/mail/send') return refuse(404, [{ message: 'not found', field: null }])
      if (method !== 'POST') return refuse(405, [{ message: 'method not allowed', field: null }])
      if (sent.authorization !== `Bearer ${apiKey}`)
        return refuse(401, [
          { message: 'The provided authorization grant is invalid, expired, or revoked', field: null },
        ])
      if (!/^application\/json\b/.test(sent['content-type'] ?? ''))
        return refuse(415, [{ message: 'Content-Type should be application/json.', field: null }])
      if (Buffer.byteLength(body) > maxBody) return refuse(413, [{ message: 'Payload too large', field: null }])
      const json = readJson(body)
      if (json === undefined) return refuse(400, [{ message: 'Bad Request', field: null }])
      const { data, error } = mailSend.safeParse(json)
      if (!data)
        return refuse(
          400,
          error.issues.map(({ message, path: at }) => ({ message, field: at.join('.') })),
        )
      mails.push(data)
      return { status: 202, headers: { 'x-message-id': randomBytes(11).toString('base64url') } }
    },
    ({ body }) => {
      const address = recipientOf(readJson(body))
      return decide(address, counter.next(address))
    },
  )
  return {
    url,
    apiKey,
    mails,
    mailsTo: (address) =>
      mails.filter(({ personalizations }) =>
        personalizations.some(({ to }) => to.some(({ email }) => email === address)),
      ),
    calls: counter.of,
    refusals,
  }
}

/** What SendGrid answers to too many calls; `resetAt` in seconds since 1970. */
export function tooManyMails(resetAt: number): Reply {
  return {
    status: 429,
    headers: { 'x-ratelimit-limit': '600', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(resetAt) },
    body: '{"errors":[{"field":null,"message":"too many requests"}]}',
  }
}

const mimeOrder = ['text/plain', 'text/html']
function byMimeOrder(a: string, b: string): number {
  const [first, second] = [a, b].map((type) => (mimeOrder.includes(type) ? mimeOrder.indexOf(type) : 2))
  return (first ?? 0) - (second ?? 0)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const hasRecipient = z.object({
  personalizations: z.tuple([z.object({ to: z.tuple([z.object({ email: z.string() })]) })]),
})

function recipientOf(json: unknown): string {
  return hasRecipient.safeParse(json).data?.personalizations[0].to[0].email ?? ''
}
