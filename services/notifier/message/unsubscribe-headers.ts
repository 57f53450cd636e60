import { type LinkSettings, makeUnsubscribeLink, type MailReference } from '#runtime/web/signed-links.ts'

type Mailbox = { UNSUBSCRIBE_MAILBOX?: string | undefined }

/**
 * How whoever gets an e-mail ends them: the link in it, and the headers for one click,
 * https://www.rfc-editor.org/rfc/rfc8058. A link to sign in has neither: it was asked for, and nobody subscribes to it.
 */
export function unsubscribing(
  settings: LinkSettings & Mailbox,
  mail: MailReference & { kind: string },
): { link: string | null; headers: Record<string, string> } {
  if (mail.kind === 'sign_in') return { link: null, headers: {} }
  const link = makeUnsubscribeLink(settings, mail)
  return { link, headers: unsubscribeHeaders(link, settings) }
}

/** None without link and mailbox. */
function unsubscribeHeaders(link: string | null, { UNSUBSCRIBE_MAILBOX }: Mailbox): Record<string, string> {
  const mailbox = UNSUBSCRIBE_MAILBOX && `mailto:${UNSUBSCRIBE_MAILBOX}?subject=unsubscribe`
  const ways = [link, mailbox].filter(Boolean).map((way) => `<${way}>`)
  return {
    ...(ways.length > 0 && { 'List-Unsubscribe': ways.join(', ') }),
    ...(link !== null && { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
  }
}
