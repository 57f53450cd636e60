import { domainToUnicode } from 'node:url'
import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { parseEmailAddress } from '#runtime/text/email-address.ts'
import type { Session } from '../access/sessions.ts'
import { type Origin, startSession } from './store.ts'

const addedRow = z.object({ sign_in_id: z.string(), expires_at: z.number() })

type NewSignIn = {
  userId: number
  /** Where to go after signing in. */
  path: string
  /** SHA-256 of a cookie of the browser that asked; null: an operator made the link. */
  browser: Buffer | null
  minutes: number
}

/** A link that signs the person in once, for so many minutes. `actor`: who asked for it. */
export async function addSignIn(
  tx: Transaction,
  { userId, path, browser, minutes }: NewSignIn,
  actor: string,
  after: object = {},
): Promise<{ id: string; expiresAt: number }> {
  const { sign_in_id: id, expires_at: expiresAt } = await tx.one(sql.type(addedRow)`
    INSERT INTO edge.sign_in (user_id, path, browser, expires_at)
    VALUES (${userId}, ${path}, ${browser && sql.binary(browser)}, now() + make_interval(mins => ${minutes}))
    RETURNING sign_in_id, expires_at`)
  await writeAudit(tx, 'edge', {
    ...{ actor, kind: 'edge.sign_in.add', subject: `person:${userId}` },
    ...{ before: null, after: { sign_in: id, ...after } },
  })
  return { id, expiresAt }
}

const signInRow = z.object({
  user_id: z.int(),
  name: z.string(),
  path: z.string(),
  browser: z.string().nullable(),
  state: z.enum(['good', 'used', 'expired']),
})

export type SignIn = z.output<typeof signInRow>

/** What a link leads to; null: it is gone, or its person is. */
export function readSignIn(database: Database, id: string): Promise<SignIn | null> {
  return database.maybeOne(sql.type(signInRow)`
    SELECT s.user_id, u.name, s.path, encode(s.browser, 'hex') AS browser,
      CASE WHEN s.used_at IS NOT NULL THEN 'used' WHEN s.expires_at <= now() THEN 'expired' ELSE 'good' END AS state
    FROM edge.sign_in s JOIN public."user" u ON u.id = s.user_id WHERE s.sign_in_id = ${id}`)
}

const usedRow = z.object({ user_id: z.int() })

/** Signs in with a link, once. Resolves with the token of the new session; null: it is used, expired or gone. */
export function redeemSignIn(
  database: Database,
  id: string,
  days: number,
  from: Origin & { former: Session | null },
): Promise<string | null> {
  return database.transaction(async (tx) => {
    const used = await tx.maybeOne(sql.type(usedRow)`
      UPDATE edge.sign_in s SET used_at = now() FROM public."user" u
      WHERE s.sign_in_id = ${id} AND s.used_at IS NULL AND s.expires_at > now() AND u.id = s.user_id
      RETURNING s.user_id`)
    return used && startSession(tx, { userId: used.user_id, keyId: null }, days, { ...from, by: 'link' })
  })
}

const personRow = z.object({ user_id: z.int(), channel_id: z.int() })

/** The person who gets e-mails at an address, and the channel; `shared`: several do; null: nobody. */
export async function findPersonAt(
  database: Database,
  address: string,
): Promise<{ userId: number; channelId: number } | 'shared' | null> {
  const found = await database.any(sql.type(personRow)`
    SELECT s.user_id, min(c.id) AS channel_id
    FROM public.notification_channel c
    JOIN public.notification_subscription s ON s.channel_id = c.id
    WHERE c.channel_type = 'EMAIL' AND lower(btrim(c.destination)) = ANY(${sql.array(spellings(address), 'text')})
    GROUP BY s.user_id LIMIT 2`)
  const [one, other] = found
  if (other) return 'shared'
  return one ? { userId: one.user_id, channelId: one.channel_id } : null
}

/** In lower case, and with a domain of other than Latin letters in both of its forms. */
function spellings(address: string): string[] {
  const typed = address.trim().toLowerCase()
  const ascii = parseEmailAddress(typed) ?? typed
  const [name, domain = ''] = ascii.split('@')
  return [...new Set([typed, ascii, `${name}@${domainToUnicode(domain)}`])]
}

const countRow = z.object({ count: z.int() })

/** Links that a person got by e-mail within an hour. */
export function countRecentSignIns(database: Database, userId: number): Promise<number> {
  return database.oneFirst(sql.type(countRow)`
    SELECT count(*)::int AS count FROM edge.sign_in
    WHERE user_id = ${userId} AND browser IS NOT NULL AND created_at > now() - interval '1 hour'`)
}
