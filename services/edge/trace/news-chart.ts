import { z } from 'zod'
import { drawLineChart } from '#runtime/chart/draw-line.ts'
import { makePicture } from '#runtime/chart/pictures.ts'
import { checkChartLink } from '#runtime/web/signed-links.ts'
import { uuidSource } from '#schemas/field-checks.ts'
import { expiringQuery } from '../access/signed-query.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { toLookupFailure } from './event-views.ts'
import { remedies } from './event-reasons.ts'
import { readValues } from './read-past.ts'
import { readWhy } from './read-why.ts'
import type { WhyDeps } from './why.ts'
import { seriesTitle } from './why-page.ts'

type Deps = Pick<WhyDeps, 'database' | 'boundedLookup' | 'linkSecret' | 'log'>

const params = z.object({ picture: z.string().regex(new RegExp(`^${uuidSource}\\.png$`, 'i')) })

/** CSS pixels: as wide as Slack shows a picture. */
const width = 360

/**
 * GET /charts/{news_id}.png?until=…&signature=…: the picture in a post, of the news item's series up to it. Whoever has
 * the address sees it, as Slack does, which fetches it without a credential; it ends when the post's links do.
 */
export function chartRoute(deps: Deps): Route {
  return {
    ...{ method: 'get', path: '/charts/:picture', role: 'anyone' },
    doc: {
      summary: 'The picture of a news item in a post. Messages have its signed address.',
      params,
      query: expiringQuery,
      responses: {
        200: { description: 'The picture.', schema: z.string(), contentType: 'image/png' },
        403: { description: 'The signature of the address is missing or wrong, or the address has expired.' },
        404: { description: 'The news item was deleted, or its series has no numbers.' },
        503: { description: 'The database does not answer, or the picture cannot be made now. Try again.' },
      },
    },
    handle: (request: RouteRequest) => showChart(deps, request),
  }
}

async function showChart(deps: Deps, { params: given, query }: RouteRequest): Promise<RouteResponse> {
  const newsId = validate(params, given, 'path').picture.slice(0, -'.png'.length).toLowerCase()
  const signed = validate(expiringQuery, query, 'query')
  const { linkSecret, database, boundedLookup, log } = deps
  if (linkSecret === undefined || checkChartLink(linkSecret, newsId, signed, Date.now()) !== 'good')
    throw new HttpError(403, 'The address of this picture is not complete, was changed, or has expired.')
  const read = Promise.all([readWhy(database, newsId), readValues(database, newsId)])
  const found = await boundedLookup(read).catch(toLookupFailure)
  if (typeof found === 'string') throw unavailable(remedies[found])
  const [why, past] = found
  const points = past?.values.filter(({ at }) => at <= past.newsAt) ?? []
  if (why === null || past === null || points.length === 0)
    throw new HttpError(404, 'This news item has no picture: it was deleted, or its series has no numbers.')
  const series = { title: seriesTitle(why), points, marks: [{ at: past.newsAt, text: why.title }] }
  const made = await makePicture(log, { news_id: newsId }, () => drawLineChart(series, { width, theme: 'light' }))
  if (made === null) throw unavailable('The picture cannot be made now. Try again.')
  return {
    status: 200,
    headers: { 'content-type': 'image/png', 'cache-control': 'private, max-age=86400' },
    body: made.png,
  }
}
