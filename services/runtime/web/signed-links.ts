import { createHmac, timingSafeEqual } from 'node:crypto'
import { splitSecrets } from './split-secrets.ts'

/**
 * Settings of the links in messages, which lead people who have no key to pages of the edge. Of two secrets with a comma
 * between them the first signs, and both verify.
 */
export type LinkSettings = { PUBLIC_URL?: string | undefined; LINK_SECRET?: string | undefined }
/** What a link carries in its query. */
export type Signed = { until?: string; signature?: string }
export type Verdict = 'good' | 'expired' | 'forged'

/** The page of a news, good until `until` (ms since 1970); null where links are not set up. */
export function makeWhyLink(settings: LinkSettings, newsId: string, until: number): string | null {
  return makeLink(settings, `why/${newsId}`, String(Math.floor(until / 1000)))
}

/** Whether a link to `newsId` was made by us, and is still good. Never throws, whatever the texts are. */
export function checkWhyLink(secret: string, newsId: string, signed: Signed, now: number): Verdict {
  return checkLink(secret, `why/${newsId}`, signed, now)
}

/** The picture of a news item's series, good until `until` (ms since 1970); null where links are not set up. */
export function makeChartLink(settings: LinkSettings, newsId: string, until: number): string | null {
  return makeLink(settings, chartPath(newsId), String(Math.floor(until / 1000)))
}

/** Whether the address of a picture was made by us, and is still good. Never throws. */
export function checkChartLink(secret: string, newsId: string, signed: Signed, now: number): Verdict {
  return checkLink(secret, chartPath(newsId), signed, now)
}

const chartPath = (newsId: string) => `charts/${newsId}.png`

/** A sent e-mail, as its unsubscribe link names it: the recipient is known by it, and not shown. */
export type MailReference = { notificationId: string; deliveryId: number | string }

/** Where who got an e-mail asks for no more, now or in years; null where links are not set up. */
export function makeUnsubscribeLink(settings: LinkSettings, mail: MailReference): string | null {
  return makeLink(settings, unsubscribePath(mail), '')
}

/** Whether a link to end e-mails was made by us. Never throws. */
export function checkUnsubscribeLink(secret: string, mail: MailReference, signed: Signed): Verdict {
  return checkLink(secret, unsubscribePath(mail), signed, 0)
}

const unsubscribePath = ({ notificationId, deliveryId }: MailReference) => `unsubscribe/${notificationId}/${deliveryId}`

/** The page of a digest, good until `until` (ms since 1970); null where links are not set up. */
export function makeReportLink(settings: LinkSettings, digestId: string, until: number): string | null {
  return makeLink(settings, `reports/${digestId}`, String(Math.floor(until / 1000)))
}

/** Whether a link to a digest was made by us, and is still good. Never throws. */
export function checkReportLink(secret: string, digestId: string, signed: Signed, now: number): Verdict {
  return checkLink(secret, `reports/${digestId}`, signed, now)
}

/** Where a person signs in once: the page of a row of `edge.sign_in`, which says for how long. Null: not set up. */
export function makeSignInLink(settings: LinkSettings, signInId: string): string | null {
  return makeLink(settings, signInPath(signInId), '')
}

/** Whether a link to sign in was made by us. Never throws. */
export function checkSignInLink(secret: string, signInId: string, signed: Signed): Verdict {
  return checkLink(secret, signInPath(signInId), signed, 0)
}

const signInPath = (id: string) => `console/sign-in/link/${id}`

/** What a link in a message does with a news item, or with what it is about. */
export const messageActions = [
  ...(['useful', 'not-useful', 'quiet-until-worse'] as const),
  ...(['mute-series', 'mute-measurement', 'mute-company'] as const),
]
/** `person` (public.user.id) is who acts: whoever has the link. So it may stand only in what that person alone gets. */
export type MessageAction = { person: number; newsId: string; action: (typeof messageActions)[number] }

/**
 * The page that asks whether to act on a news item, and acts on POST; good until `until` (ms since 1970). Null where
 * links are not set up.
 */
export function actionLink(settings: LinkSettings, act: MessageAction, until: number): string | null {
  return makeLink(settings, actionPath(act), String(Math.floor(until / 1000)))
}

/** Whether a link to act was made by us, and is still good. Never throws. */
export function checkActionLink(secret: string, act: MessageAction, signed: Signed, now: number): Verdict {
  return checkLink(secret, actionPath(act), signed, now)
}

const actionPath = ({ person, newsId, action }: MessageAction) => `act/${person}/${newsId}/${action}`

/** What a feed of a person is about: all companies that they follow, or those of a bucket, or one. */
export type FeedSubject = 'all' | `bucket-${number}` | `company-${number}`
/** `version`: that of the person's addresses, which ends when they are revoked. */
export type FeedReference = { person: number; version: number; subject: FeedSubject }

/** The address of a feed, good until it is revoked; null where links are not set up. */
export function makeFeedLink(settings: LinkSettings, feed: FeedReference): string | null {
  return makeLink(settings, feedPath(feed), '')
}

/** Whether the address of a feed was made by us. Never throws. */
export function checkFeedLink(secret: string, feed: FeedReference, signed: Signed): Verdict {
  return checkLink(secret, feedPath(feed), { signature: signed.signature ?? '' }, 0)
}

const feedPath = ({ person, version, subject }: FeedReference) => `feeds/${person}/${version}/${subject}`

function makeLink({ PUBLIC_URL, LINK_SECRET }: LinkSettings, path: string, until: string): string | null {
  if (PUBLIC_URL === undefined || LINK_SECRET === undefined) return null
  const base = PUBLIC_URL.replace(/\/+$/, '')
  return `${base}/${path}?${until && `until=${until}&`}signature=${sign(splitSecrets(LINK_SECRET)[0]!, path, until)}`
}

function checkLink(secret: string, path: string, { until = '', signature = '' }: Signed, now: number): Verdict {
  if (!splitSecrets(secret).some((one) => isSame(signature, sign(one, path, until)))) return 'forged'
  return until === '' || now < Number(until) * 1000 ? 'good' : 'expired'
}

function isSame(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)]
  return one.length === other.length && timingSafeEqual(one, other)
}

function sign(secret: string, path: string, until: string): string {
  return createHmac('sha256', secret).update(`${path}/${until}`).digest('base64url')
}
