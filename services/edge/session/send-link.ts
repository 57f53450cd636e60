import type { Database } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Bounded } from '../http/deadline.ts'
import { unavailable } from '../http/http-error.ts'
import type { NoteFailure } from './failures.ts'
import { addSignIn, countRecentSignIns, findPersonAt } from './sign-ins.ts'

/** Sends a link to whoever gets e-mails at this address, if that is one person. It returns before that is known. */
export type SendLink = (request: { mailAddress: string; path: string; browser: Buffer; address: string }) => void

/** A link that the notifier sends to a person at one of their channels. */
export type MailedLink = { userId: number; channelId: number; signInId: string }

type SendLinkDeps = {
  database: Database
  bounded: Bounded
  mailLink(mail: MailedLink): Promise<unknown>
  noteFailure: NoteFailure
  /** SIGN_IN_MINUTES */
  minutes: number
  /** SIGN_IN_MAILS */
  mailsPerHour: number
}

/** Each holds a connection to Postgres for some milliseconds. */
const maxAtOnce = 50

/**
 * Looks for the person behind an address after the answer, which therefore takes as long for every address. Throws an
 * HttpError with 503 when too many wait.
 */
export function openSendLink(
  { log, scope }: Pick<ServiceContext, 'log' | 'scope'>,
  { database, bounded, mailLink, noteFailure, minutes, mailsPerHour }: SendLinkDeps,
): SendLink {
  const underWay = new Set<Promise<void>>()
  scope.defer(async () => void (await Promise.all(underWay)))

  async function send({ mailAddress, path, browser, address }: Parameters<SendLink>[0]): Promise<void> {
    const found = await bounded(findPersonAt(database, mailAddress))
    if (found === null) return noteFailure({ reason: 'nobody gets e-mails at the address', address })
    if (found === 'shared') return noteFailure({ reason: 'several people get e-mails at the address', address })
    const { userId, channelId } = found
    if ((await bounded(countRecentSignIns(database, userId))) >= mailsPerHour)
      return noteFailure({ reason: 'too many links within an hour', address, userId })
    const signIn = { userId, path, browser, minutes }
    const { id } = await bounded(database.transaction((tx) => addSignIn(tx, signIn, 'anyone', { address })))
    await mailLink({ userId, channelId, signInId: id })
  }

  return (request) => {
    if (underWay.size >= maxAtOnce) throw unavailable('Too many people sign in at once.')
    const sending = send(request)
      .catch((error: unknown) => log.error({ error }, 'sign_in_link_not_sent'))
      .finally(() => underWay.delete(sending))
    underWay.add(sending)
  }
}
