import { Readable } from 'node:stream'
import type { NodemailerError } from 'nodemailer/lib/errors'
import MailComposer from 'nodemailer/lib/mail-composer'
import { encodeWord } from 'nodemailer/lib/mime-funcs'
import { parseConnectionUrl } from 'nodemailer/lib/shared'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { parseEmailAddress } from '#runtime/text/email-address.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { MailReference } from '#runtime/web/signed-links.ts'
import { createChartDrawer, type DrawnChart } from '../charts/draw-chart.ts'
import type { Line, Message } from '../message/message.ts'
import { unsubscribing } from '../message/unsubscribe-headers.ts'
import { actionsFor } from '../render/actions.ts'
import { asHtml } from '../render/mail.ts'
import { asText } from '../render/text.ts'
import type { Answer } from './answer.ts'
import type { ChannelKind, Delivery } from './channel.ts'
import { openSendGrid } from './sendgrid.ts'
import type { ChannelSettings } from './settings.ts'

/**
 * E-mail, over SMTP or SendGrid. At most once: if the answer to the text is lost, it is unclear whether the mail was
 * sent.
 */
export const email: ChannelKind = {
  parse(destination) {
    const address = parseEmailAddress(destination)
    if (address === null) throw new Error('is not one e-mail address such as ann@example.com')
    return address.toLowerCase()
  },
  hasSecrets: false,
  showsDigestView: (config) => config.SENDGRID_API_KEY === undefined,
  intervalMs: () => 0,
  resendsUnknown: (config) => config.EMAIL_RESEND_UNKNOWN,
  help: { destination: 'e-mail address' },
  open({ config, log }) {
    if (config.SENDGRID_API_KEY !== undefined)
      return openSendGrid({ ...config, SENDGRID_API_KEY: config.SENDGRID_API_KEY })
    const picturesMs = config.SEND_TIMEOUT_MS / 3
    const drawChart = createChartDrawer(log, picturesMs)
    return {
      async send(delivery) {
        const startedAt = performance.now()
        const drawn = await drawCharts(linesOf(delivery.message), drawChart, picturesMs)
        // An attempt ends in time, however long the pictures took.
        const tookMs = drawn.size > 0 ? performance.now() - startedAt : 0
        const leftMs = Math.ceil(config.SEND_TIMEOUT_MS - tookMs)
        return sendOverSmtp({ ...config, SEND_TIMEOUT_MS: Math.max(1, leftMs) }, delivery, drawn)
      },
    }
  },
}

/** The charts of a mail's lines. */
export type DrawnCharts = ReadonlyMap<Line, DrawnChart>

/** What a mail shows: of a digest the best. */
const linesOf = ({ lines, digest }: Message): readonly Line[] => digest?.things ?? lines

/** One after the other, as long as there is time: one picture more or less costs nobody the mail. */
async function drawCharts(
  lines: readonly Line[],
  draw: ReturnType<typeof createChartDrawer>,
  timeoutMs: number,
): Promise<DrawnCharts> {
  const drawn = new Map<Line, DrawnChart>()
  const startedAt = performance.now()
  for (const line of lines) {
    if (performance.now() - startedAt > timeoutMs) break
    if (line.chart && line.newsId) drawn.set(line, await draw(line.newsId, line.chart))
  }
  return drawn
}

async function sendOverSmtp(config: ChannelSettings, delivery: Delivery, drawn: DrawnCharts): Promise<Answer> {
  if (!config.SMTP_URL) return { kind: 'retry', reason: 'no mail server is configured: set SMTP_URL', isOutage: true }
  const mail = await composeMail(config, delivery, drawn)
  return transmit(config, config.SMTP_URL, { from: config.EMAIL_FROM, to: [delivery.address] }, mail)
}

type MailConfig = Pick<ChannelSettings, 'EMAIL_FROM' | 'PUBLIC_URL' | 'LINK_SECRET' | 'UNSUBSCRIBE_MAILBOX'>

/**
 * The bytes of the mail. Its message id is the same at every attempt, so that receivers can recognize a duplicate. A
 * chart is a picture within the HTML, for light and dark, and a sentence in the text.
 */
export function composeMail(
  config: MailConfig,
  delivery: Delivery,
  drawn: DrawnCharts = new Map<Line, DrawnChart>(),
): Promise<Buffer> {
  const { EMAIL_FROM } = config
  const { message, why, actor, linksUntil, follows, notificationId } = delivery
  const { link: unsubscribe, headers } = unsubscribing(config, delivery)
  const host = EMAIL_FROM.split('@').at(-1)
  const pictures = [...drawn].map(([line, { text, light, dark }], index) => ({
    ...{ line, text },
    light: light && { png: light.png, cid: `light.${index + 1}.${notificationId}@${host}` },
    dark: dark && { png: dark.png, cid: `dark.${index + 1}.${notificationId}@${host}` },
  }))
  const addressOf = (picture: { cid: string } | null) => picture && `cid:${picture.cid}`
  const chartOf = (line: Line) => {
    const found = pictures.find((one) => one.line === line)
    return found ? { text: found.text, light: addressOf(found.light), dark: addressOf(found.dark) } : null
  }
  const extras = { why, unsubscribe, chartOf, actionsOf: actionsFor(config, actor, linksUntil) }
  const mail = new MailComposer({
    from: { name: 'parma-analytics', address: EMAIL_FROM },
    to: { name: '', address: delivery.address },
    subject: message.subject,
    text: asText(message, extras),
    html: asHtml(message, extras),
    messageId: messageIdOf(delivery, host),
    ...(follows && { inReplyTo: messageIdOf(follows, host), references: messageIdOf(follows, host) }),
    // RFC 3834: no out-of-office replies.
    headers: { 'Auto-Submitted': 'auto-generated', ...headers },
    attachments: pictures.flatMap(({ light, dark }) =>
      [light, dark].flatMap((one) =>
        one === null
          ? []
          : {
              filename: `${one.cid.split('.', 2).join('-')}.png`,
              cid: one.cid,
              content: one.png,
              contentType: 'image/png',
              contentDisposition: 'inline',
            },
      ),
    ),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const compiled = mail.compile()
  // The library passes on what looks like an encoded word (RFC 2047), which readers would decode.
  if (message.subject.includes('=?'))
    compiled.setHeader('Subject', { prepared: true, foldLines: true, value: encodeWord(message.subject, 'B', 52) })
  return compiled.build()
}

/** It depends on the delivery only: another mail can refer to it, and a second attempt has the same. */
function messageIdOf({ notificationId, deliveryId }: MailReference, host: string | undefined): string {
  return `<${notificationId}.${deliveryId}@${host}>`
}

/**
 * One SMTP session for one mail. Uses a connection instead of a transport, because only the connection shows whether
 * the server had asked for the text when it broke: before that the mail is not sent, after it that is unclear.
 */
function transmit(
  config: ChannelSettings,
  url: string,
  envelope: { from: string; to: string[] },
  mail: Buffer,
): Promise<Answer> {
  const { auth, ...server } = parseConnectionUrl(url)
  const connection = new SMTPConnection({
    ...server,
    requireTLS: config.SMTP_REQUIRE_TLS && !server.secure,
    connectionTimeout: config.SEND_TIMEOUT_MS,
    greetingTimeout: config.SEND_TIMEOUT_MS,
    socketTimeout: config.SEND_TIMEOUT_MS,
    socketCloseTimeout: 0,
  })
  let textAskedFor = false
  const text = Readable.from(
    (function* () {
      textAskedFor = true
      yield mail
    })(),
  )
  return new Promise<Answer>((done) => {
    const timer = setTimeout(
      () => fail(new Error(`no answer within ${config.SEND_TIMEOUT_MS} ms`)),
      config.SEND_TIMEOUT_MS,
    )
    const finish = (answer: Answer) => {
      clearTimeout(timer)
      connection.close()
      done(answer)
    }
    const fail = (error: NodemailerError) => finish(judgeSmtpError(error, textAskedFor))
    const send = () =>
      connection.send(envelope, text, (error, info) =>
        error ? fail(error) : finish({ kind: 'sent', reference: excerpt(String(info.response), 200) }),
      )
    connection.on('error', fail)
    connection.connect((error) => {
      if (error) fail(error)
      else if (auth)
        connection.login({ credentials: { user: auth.user, pass: auth.pass } }, (refusal) =>
          refusal ? fail(refusal) : send(),
        )
      else send()
    })
  })
}

/** The result of an SMTP session that failed. A reply of the server is an answer, whenever it comes. */
export function judgeSmtpError(error: NodemailerError, textAskedFor: boolean): Answer {
  const reason = excerpt(error.message, 300)
  const { code, responseCode = 0 } = error
  // Only errors about the envelope or text concern this mail; a refused login or greeting concerns all mails.
  const isOfThisMail = code === 'EENVELOPE' || code === 'EMESSAGE'
  if (isOfThisMail && (responseCode === 0 || error.permanent))
    return { kind: 'refused', concerns: isOfRecipient(error) ? 'destination' : 'message', reason }
  if (code === 'EAUTH') return { kind: 'retry', reason, isOutage: true }
  if (responseCode >= 400 || !textAskedFor) return { kind: 'retry', reason }
  return { kind: 'lost', reason }
}

/**
 * Whether the server refused because the mailbox does not exist. Most servers give an enhanced code (RFC 3463: 5.1 is
 * the address, 5.2.1 a disabled mailbox). Without one, 550, 551 and 553 mean that.
 */
function isOfRecipient({ command, message, response = message, responseCode = 0 }: NodemailerError): boolean {
  if (command !== 'RCPT TO') return false
  const enhanced = /\b5\.\d{1,3}\.\d{1,3}\b/.exec(response)?.[0]
  return enhanced ? /^5\.(1\.|2\.1$)/.test(enhanced) : [550, 551, 553].includes(responseCode)
}
