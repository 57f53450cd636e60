import { createHmac, timingSafeEqual } from 'node:crypto'

/** Settings of the links in messages, which lead people who have no key to the page that explains a news. */
export type LinkSettings = { PUBLIC_URL?: string | undefined; LINK_SECRET?: string | undefined }

/** The page of a news, good until `until` (ms since 1970); null where links are not set up. */
export function makeWhyLink({ PUBLIC_URL, LINK_SECRET }: LinkSettings, newsId: string, until: number): string | null {
  if (PUBLIC_URL === undefined || LINK_SECRET === undefined) return null
  const seconds = String(Math.floor(until / 1000))
  const base = PUBLIC_URL.replace(/\/+$/, '')
  return `${base}/why/${newsId}?until=${seconds}&signature=${sign(LINK_SECRET, newsId, seconds)}`
}

/** Whether a link to `newsId` was made by us, and is still good. Never throws, whatever the texts are. */
export function checkWhyLink(
  secret: string,
  newsId: string,
  { until = '', signature = '' }: { until?: string; signature?: string },
  now: number,
): 'good' | 'expired' | 'forged' {
  const [given, right] = [Buffer.from(signature), Buffer.from(sign(secret, newsId, until))]
  if (given.length !== right.length || !timingSafeEqual(given, right)) return 'forged'
  return now < Number(until) * 1000 ? 'good' : 'expired'
}

function sign(secret: string, newsId: string, until: string): string {
  return createHmac('sha256', secret).update(`why/${newsId}/${until}`).digest('base64url')
}
