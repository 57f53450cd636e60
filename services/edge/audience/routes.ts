import { z } from 'zod'
import type { AskDeps } from '../ask/routes.ts'
import { id } from '../ask/parameters.ts'
import { notFound, orUnavailable } from '../ask/respond.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { whyParams } from '../trace/why.ts'
import { explainAudience, explainedSchema } from './explain.ts'

const audienceQuery = z.object({
  person: id.optional().describe('Only this person. Without it, everybody who followed the company then.'),
})

/** Who heard of a news item, as `npx parma audience why` tells it. */
export function audienceRoute({ database, bounded, limited }: AskDeps): Route {
  return {
    ...{ method: 'get', path: '/api/v1/news/:news_id/audience', role: 'operator' },
    doc: {
      summary: 'Whether people heard of a news item, when and where, and why not.',
      params: whyParams,
      query: audienceQuery,
      responses: {
        200: { description: 'The people.', schema: z.object({ people: z.array(explainedSchema) }) },
        404: { description: 'No news item, or no person, with this id is known.' },
      },
    },
    async handle(request: RouteRequest): Promise<RouteResponse> {
      const { news_id } = validate(whyParams, request.params, 'path')
      const { person } = validate(audienceQuery, request.query, 'query')
      const people = await orUnavailable(bounded(limited(() => explainAudience(database, news_id, person, Date.now()))))
      if (people === null) throw notFound('news item', 'GET /api/v1/news')
      if (people.length === 0 && person !== undefined) throw notFound('person', 'parma-web')
      return json(200, { people })
    },
  }
}
