/**
 * The headers for unsubscribing with one click, https://www.rfc-editor.org/rfc/rfc8058. None without link and mailbox.
 */
export function unsubscribeHeaders(
  link: string | null,
  { UNSUBSCRIBE_MAILBOX }: { UNSUBSCRIBE_MAILBOX?: string | undefined },
): Record<string, string> {
  const mailbox = UNSUBSCRIBE_MAILBOX && `mailto:${UNSUBSCRIBE_MAILBOX}?subject=unsubscribe`
  const ways = [link, mailbox].filter(Boolean).map((way) => `<${way}>`)
  return {
    ...(ways.length > 0 && { 'List-Unsubscribe': ways.join(', ') }),
    ...(link !== null && { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
  }
}
