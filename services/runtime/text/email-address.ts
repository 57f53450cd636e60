import { domainToASCII } from 'node:url'

/** As z.email(), but for the last label, which may be one of punycode. */
const mailbox =
  /^(?!\.)(?!.*\.\.)[a-z0-9_'+\-.]*[a-z0-9_+-]@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/i
const maxAddress = 254

/**
 * An e-mail address with its domain in lower case and punycode, so that every mail server takes it. Null: it is none.
 * With a name before the @ that is not ASCII it is none: few servers take that.
 */
export function parseEmailAddress(text: string): string | null {
  const [, name, domain] = /^([^@]+)@([\p{L}\p{M}\p{N}.-]+)$/u.exec(text.trim()) ?? []
  if (name === undefined || domain === undefined || /(^|\.)-|-(\.|$)/.test(domain)) return null
  const address = `${name}@${domainToASCII(domain)}`
  return address.length <= maxAddress && mailbox.test(address) ? address : null
}
