import { createRoutes, type RouteDeps } from '../../../services/edge/routes.ts'
import type { Route } from '../../../services/edge/server/route.ts'

/** The edge's table of routes, for reading only: its handlers have no dependencies. */
export function routeTable({ compatibility = true } = {}): Route[] {
  const empty = {
    handshake: {},
    measurements: {},
    feed: {},
    payloads: {},
    usage: {},
    maps: {},
    finish: {},
    newCompany: {},
    events: {},
    refusals: {},
    corrections: {},
    letters: {},
    runs: {},
  }
  return createRoutes({
    ...empty,
    ...{ why: {}, ask: {}, atom: {}, report: {}, changes: {}, console: {}, me: {}, session: {}, unsubscribe: {} },
    ...{ messageLinks: {}, companyPages: {}, sourcePages: {}, replays: {}, now: {} },
    compatibility: compatibility ? {} : null,
    desk: {},
  } as RouteDeps)
}
