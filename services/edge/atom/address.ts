import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type FeedSubject, type LinkSettings, makeFeedLink } from '#runtime/web/signed-links.ts'

const versionRow = z.object({ version: z.number() })

/** The version of a person's feed addresses, which all of them hold; null: the person does not exist. */
export async function readFeedVersion(
  database: Pick<Database, 'maybeOneFirst'>,
  person: number,
): Promise<number | null> {
  return database.maybeOneFirst(sql.type(versionRow)`
    SELECT coalesce(a.version, 1) AS version
    FROM public."user" u LEFT JOIN edge.feed_address a ON a.user_id = u.id WHERE u.id = ${person}`)
}

/**
 * The function that gives the address of a person's feed about a subject: whoever has it reads as that person, until
 * revokeFeeds. Null where links are not set up, or the person does not exist.
 */
export async function openFeedAddresses(
  settings: LinkSettings,
  database: Pick<Database, 'maybeOneFirst'>,
  person: number,
): Promise<(subject: FeedSubject) => string | null> {
  const version = await readFeedVersion(database, person)
  return (subject) => (version === null ? null : makeFeedLink(settings, { person, version, subject }))
}

/** Ends all feed addresses of a person, for `actor`. Those that are made from now on are good. */
export async function revokeFeeds(database: Database, person: number, actor: string): Promise<void> {
  await database.transaction(async (tx) => {
    const version = await tx.oneFirst(sql.type(versionRow)`
      INSERT INTO edge.feed_address AS a (user_id, version) VALUES (${person}, 2)
      ON CONFLICT (user_id) DO UPDATE SET version = a.version + 1, changed_at = now() RETURNING version`)
    await writeAudit(tx, 'edge', {
      ...{ actor, kind: 'edge.feeds.revoke', subject: `person:${person}` },
      ...{ before: { version: version - 1 }, after: { version } },
    })
  })
}
