import type { Database } from '#runtime/postgres/database.ts'
import { topics } from '#schemas/topics.ts'
import type { Sources } from '../access/sources.ts'
import type { Changes } from '../changes/changes.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { type MapDeps, MapRefused } from '../maps/change-map.ts'
import { waitingNotice } from '../maps/notices.ts'
import { keyOf } from '../maps/versions.ts'
import type { ReportNotice } from '../publish/ops-events.ts'
import type { Cause, Publish } from '../publish/publish.ts'

export type MapDeskDeps = {
  database: Database
  bounded: Bounded
  sources: Sources
  publish: Publish
  report: ReportNotice
  changes: Changes
  maxJsonDepth: number
}

/** What changes of maps need, for one request. */
export function changing({ database, publish }: MapDeskDeps, cause: Cause): MapDeps {
  return { database, publish: (map) => publish(topics.normalizationMaps, keyOf(map), map, cause) }
}

/** This process stamps payloads with the new version from now on; others within SOURCE_CACHE_MS. */
export async function noteChange({ sources }: MapDeskDeps, sourceId: number): Promise<void> {
  await sources.read(sourceId)
}

/** Says that no map of the source waits any more. */
export function endWaiting({ report }: MapDeskDeps, source: { id: number; name: string }, cause: Cause): void {
  report({ ...waitingNotice(source, []), resolved: true }, cause)
}

const statuses = { conflict: 409, missing: 404, invalid: 400 } as const
const remedies = {
  conflict: 'Read what is in force now, compare again, and send the request with its version.',
  missing: 'GET /api/v1/sources lists the sources, GET /api/v1/sources/{id}/maps the versions of their maps.',
  invalid: 'Correct the map. `detail` says what is wrong.',
}

/** The answer to what is refused. Other errors stay as they are. */
export function toMapError(error: unknown): unknown {
  if (!(error instanceof MapRefused)) return error
  const { kind, message } = error
  const title = { conflict: 'Not as it was', missing: 'Not found', invalid: 'Invalid map' }[kind]
  return new HttpError(statuses[kind], message, {}, { type: `map-${kind}`, title, remedy: remedies[kind] })
}
