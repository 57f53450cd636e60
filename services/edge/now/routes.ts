import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { asPage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import type { ReadBroker } from './broker-state.ts'
import { nowMain } from './now-page.ts'
import { readFacts } from './read-now.ts'

export type NowDeps = { database: Database; bounded: Bounded; readBroker: ReadBroker }

/** What is red, for operators. */
export function nowRoute({ database, bounded, readBroker }: NowDeps): Route {
  return {
    ...{ method: 'get', path: '/console/now', role: 'desk' },
    doc: {
      summary: 'What is wrong now, the worst first, each with its age, its reason and the next step.',
      query: z.object({}),
      responses: { 200: asPage('The page.') },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const [facts, broker, zone] = await Promise.all([
        orUnavailable(bounded(readFacts(database))),
        readBroker(),
        bounded(readZone(database, viewer, request.headers.cookie)),
      ])
      const main = nowMain({ facts, broker, zone, now: Date.now() })
      return showPage({ viewer, title: 'Now', main, desk: 'now', zone, width: 'wide' })
    },
  }
}
