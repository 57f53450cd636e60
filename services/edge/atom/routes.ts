import { z } from 'zod'
import { createCache } from '#runtime/calls/cache.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { checkFeedLink, type FeedReference, type FeedSubject, type LinkSettings } from '#runtime/web/signed-links.ts'
import { firstPage } from '../http/cursor.ts'
import { signedQuery } from '../access/signed-query.ts'
import type { Viewer } from '../access/viewer.ts'
import { mayRead, maySeeBucket } from '../ask/may-read.ts'
import { readNews } from '../ask/news.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { file, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { readFeedVersion } from './address.ts'
import { composeAtom } from './compose-atom.ts'

export type AtomDeps = {
  database: Database
  bounded: Bounded
  links: LinkSettings
  /** News items of a feed. */
  items: number
  /** How long a feed is kept, ms: readers ask often, and several for the same. */
  keepMs: number
}

/** Feeds that are kept. */
const kept = 500

const feedType = 'application/atom+xml; charset=utf-8'

const feedParams = z.object({
  user_id: z.string().regex(/^[1-9]\d{0,8}$/),
  version: z.string().regex(/^[1-9]\d{0,8}$/),
  subject: z.string().regex(/^(all|(bucket|company)-[1-9]\d{0,8})$/),
})

/** GET /feeds/{user_id}/{version}/{subject}?signature=…: whoever has the address reads as the person. */
export function atomRoute(deps: AtomDeps): Route {
  const cache = createCache<string>({ maxEntries: kept, lifeMs: () => deps.keepMs })
  return {
    ...{ method: 'get', path: '/feeds/:user_id/:version/:subject', role: 'anyone' },
    doc: {
      summary: 'Atom feed of news items: of all companies that a person follows, of a bucket, or of one company.',
      params: feedParams,
      query: signedQuery,
      responses: {
        200: {
          description: 'The feed (RFC 4287), the newest news items first.',
          ...{ schema: z.string(), contentType: feedType },
        },
        403: { description: 'The signature is missing or wrong.' },
        404: { description: 'The person may not see the bucket or company, or it does not exist.' },
        410: { description: 'The address was revoked. `parma atom show` gives a new one.' },
      },
    },
    async handle(request: RouteRequest): Promise<RouteResponse> {
      const feed = findFeed(deps.links, request)
      if (feed === null) throw new HttpError(403, 'The signature of the address is missing or wrong.')
      const version = await orUnavailable(
        deps.bounded(readFeedVersion(deps.database, feed.person)).then((found) => ({ found })),
      )
      if (version.found !== feed.version)
        throw new HttpError(410, 'This address was revoked. `parma atom show` gives a new one.')
      const key = `${feed.person}/${feed.version}/${feed.subject}`
      const body = await cache.get(key, () => makeFeed(deps, feed))
      return file(feedType, body)
    },
  }
}

/** The feed that an address names; null: it is not signed by us. */
function findFeed({ LINK_SECRET: secret }: LinkSettings, { params, query }: RouteRequest): FeedReference | null {
  const { user_id, version, subject } = validate(feedParams, params, 'path')
  const signed = validate(signedQuery, query, 'query')
  const feed = { person: Number(user_id), version: Number(version), subject: subject as FeedSubject }
  return secret !== undefined && checkFeedLink(secret, feed, signed) === 'good' ? feed : null
}

async function makeFeed({ database, bounded, links, items }: AtomDeps, feed: FeedReference): Promise<string> {
  const { person, subject } = feed
  const viewer: Viewer = { userId: person, role: 'viewer', name: '' }
  const [kind, id] = subject.split('-')
  const work = async () => {
    const name = await findName(database, viewer, kind!, Number(id ?? person))
    if (name === null) throw new HttpError(404, 'The person may not see this, or it does not exist.')
    const of = kind === 'all' ? { followed: 'true' as const } : { [kind as 'bucket' | 'company']: Number(id) }
    const query = { ...of, silent: 'false', order: 'newest', limit: items } as const
    return { name, ...(await readNews(database, viewer, query, firstPage)) }
  }
  const { name, news } = await orUnavailable(bounded(work()))
  const title = kind === 'all' ? `News for ${name}` : `News about ${name}`
  return composeAtom(links, { id: idOf(links, feed), title, news, now: Date.now() })
}

/** The same for all versions of an address, and no address. */
function idOf({ PUBLIC_URL = '' }: LinkSettings, { person, subject }: FeedReference): string {
  return `tag:${URL.parse(PUBLIC_URL)?.hostname ?? 'parma'},2026:feeds/${person}/${subject}`
}

const nameRow = z.object({ name: z.string() })

/** The name of a person, or of a bucket or company that the viewer may see; null: there is none. */
async function findName(database: Database, viewer: Viewer, kind: string, id: number): Promise<string | null> {
  if (kind === 'all') return database.maybeOneFirst(sql.type(nameRow)`SELECT name FROM public."user" WHERE id = ${id}`)
  if (kind === 'bucket')
    return database.maybeOneFirst(sql.type(nameRow)`
      SELECT b.title AS name FROM public.bucket b WHERE b.id = ${id} AND ${maySeeBucket(viewer, sql.fragment`b`)}`)
  return database.maybeOneFirst(sql.type(nameRow)`
    SELECT c.name FROM public.company c WHERE c.id = ${id} AND ${mayRead(viewer, sql.fragment`c.id`)}`)
}
