import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { isZone } from '#runtime/text/time-zone.ts'

const zoneRow = z.object({ zone: z.string() })

/** The zone whose times a page shows: that of the person’s quiet hours, else the browser’s, else UTC. */
export async function readZone(
  database: Database,
  { userId }: { userId: number | null },
  cookies: string | undefined,
): Promise<string> {
  const own =
    userId === null
      ? null
      : await database.maybeOne(sql.type(zoneRow)`
          SELECT zone FROM notifier.person_quiet_view WHERE user_id = ${userId} ORDER BY quiet_hours_id LIMIT 1`)
  return own !== null && isZone(own.zone) ? own.zone : browserZone(cookies)
}

/** The zone of the browser, as the script of our pages keeps it in a cookie; UTC without one. */
function browserZone(cookies: string | undefined): string {
  const [, text] = /(?:^|;\s*)zone=([^;\s]{1,200})/.exec(cookies ?? '') ?? []
  const zone = text === undefined ? undefined : decode(text)
  return zone !== undefined && isZone(zone) ? zone : 'UTC'
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
