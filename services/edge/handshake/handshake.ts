import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import { isSameEndpoint } from '#runtime/web/module-url.ts'
import { topics } from '#schemas/topics.ts'
import { notOwned } from '../access/access.ts'
import { requireLegalName, type Source, type Sources } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { lenientInt, text, validate } from '../http/validation.ts'
import { sha256 } from '../publish/identify.ts'
import type { ReportNotice } from '../publish/ops-events.ts'
import type { Publish } from '../publish/publish.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import type { Initialize } from './initialize.ts'
import { bringMap } from '../maps/bring-map.ts'
import { lossNotice, waitingNotice } from '../maps/notices.ts'
import { keyOf, mapEvent, markPublished } from '../maps/versions.ts'

const handshakeQuery = z.object({ invocation_endpoint: text(1000), data_source_id: lenientInt })

export const handshakeDoc: RouteDoc = {
  summary: 'Initialise a data source: its module registers its measurements and sends its map.',
  query: handshakeQuery,
  responses: {
    200: { description: 'The map is stored and durable.', schema: z.object({ frequency: z.string() }) },
    403: {
      description: 'invocation_endpoint does not match the stored one, or the token belongs to another data source.',
    },
    409: { description: 'The name of the source is not allowed: Firestore cannot have a collection of that name.' },
    502: { description: 'The answer of the module is unusable. `detail` says why.' },
  },
}

export type HandshakeDeps = {
  database: Database
  bounded: Bounded
  sources: Sources
  publish: Publish
  report: ReportNotice
  initialize: Initialize
  /** Rejects with 429 above the limit of handshakes of this source. */
  countHandshake(sourceId: string): Promise<void>
}

/**
 * GET /handshake (contract section 3.2): calls the module's /initialize. During this call the module registers its
 * measurements with the edge. Responds with the module's frequency when its map is stored and durable in Kafka, or waits
 * for a yes: then the map in force stays.
 * parma-web sends no token, so only the address that is stored for the source is ever called.
 */
export function handshake(deps: HandshakeDeps) {
  const { sources } = deps
  return async (request: RouteRequest, caller: Caller | null): Promise<RouteResponse> => {
    const { invocation_endpoint, data_source_id } = validate(handshakeQuery, request.query, 'query')
    if (caller && caller.sourceId !== data_source_id) throw notOwned('data_source_id', data_source_id, caller)
    const source = await sources.read(data_source_id)
    if (!source || !isSameEndpoint(source.endpoint, invocation_endpoint))
      throw new HttpError(403, `invocation_endpoint does not match the one stored for data source ${data_source_id}.`)
    const { frequency } = await shakeHands(deps)(source, actorOf(caller), request)
    return json(200, { frequency })
  }
}

/** The handshake with the module of a source that is known. Rejects with an HttpError as the route does. */
export function shakeHands({ database, bounded, sources, publish, report, initialize, countHandshake }: HandshakeDeps) {
  return async (
    source: Source,
    actor: string,
    request: RouteRequest,
  ): Promise<{ frequency: string; version: number; isWaiting: boolean }> => {
    requireLegalName(source)
    // Not before: whoever does not know the address must not use up the source's handshakes.
    await countHandshake(String(source.id))

    const { frequency, source: mapSource, content: sent } = await initialize(source)
    if (mapSource !== source.name) report(nameMismatch(source, mapSource), request)
    const given = { content: sent, content_hash: sha256(sent) }
    const brought = await bounded(bringMap(database, source.id, given, actor))
    const { stored, losses, outcome } = brought
    if (brought.endsWaiting) report({ ...waitingNotice(source, []), resolved: true }, request)
    if (outcome === 'waiting') report(waitingNotice(source, losses), request)
    else if (losses.length > 0) report(lossNotice(source, stored.version, losses), request)
    const { version } = stored
    const map = mapEvent({ ...stored, data_source_id: source.id, source_name: source.name })
    // A known version too: nobody takes it for a new one, and the topic may have lost it.
    await publish(topics.normalizationMaps, keyOf(map), map, request)
    await bounded(markPublished(database, source.id, version))
    // The module may send payloads at once. From now on this process stamps them with the new version.
    await sources.read(source.id)
    return { frequency, version, isWaiting: outcome === 'waiting' }
  }
}

/** Who brings the map: whoever called the handshake. */
function actorOf(caller: Caller | null): string {
  return caller ? `source:${caller.sourceId}` : 'parma-web'
}

function nameMismatch({ id, name }: Source, named: string) {
  const message =
    `Data source ${id} is called ${name}, but the map of its module names the source ${named}. If the module also sends ` +
    `payloads as ${named}, they are refused with 403. Rename the data source, or correct the module.`
  return {
    kind: 'source-name-mismatch',
    sourceId: id,
    subject: named.slice(0, 200),
    message,
    facts: { source_name: name, map_source: named.slice(0, 200) },
  }
}
