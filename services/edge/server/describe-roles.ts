import { sessionCookie } from '../access/session-token.ts'
import type { Route } from './route.ts'

type Json = Record<string, unknown>

/** Who a route is for, and the credentials that it needs, in the order of /docs: those who bring data first. */
export const roles: Record<Route['role'], { description: string; security: Json[] }> = {
  source: { description: 'For mining modules, with the token that they were called with.', security: [{ token: [] }] },
  feeder: {
    description: 'For whoever sends payloads, with the token or an API key of a data source.',
    security: [{ token: [] }, { sourceKey: [] }],
  },
  'maybe-source': { description: 'With the token of a data source, or without one.', security: [{ token: [] }, {}] },
  'viewer-or-source': {
    description: 'With an API key or signed in. Mining modules use the token that they were called with.',
    security: [{ key: [] }, { session: [] }, { token: [] }],
  },
  viewer: {
    description: 'For people and programs that read, with an API key or signed in.',
    security: [{ key: [] }, { session: [] }],
  },
  operator: {
    description: 'For people and programs that act, with an API key of the role operator, or signed in with this role.',
    security: [{ key: [] }, { session: [] }],
  },
  anyone: { description: 'Needs no credentials.', security: [] },
  person: { description: 'Pages for people who have signed in.', security: [{ session: [] }] },
  desk: { description: 'Pages for operators who have signed in.', security: [{ session: [] }] },
  'maybe-person': { description: 'Pages for people, signed in or not.', security: [{ session: [] }, {}] },
}

export const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A module sends back the token that it was called with. `parma token mint` creates one by hand.',
  },
  key: { type: 'http', scheme: 'bearer', description: 'An API key, `parma_…`. `parma keys create` creates one.' },
  sourceKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of one data source, `parma_source_…`. `parma keys create --source` creates one.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: sessionCookie,
    description:
      'Set by signing in at `/console/sign-in`. Requests that change something are taken from pages of this host only: ' +
      '`Origin` and `Sec-Fetch-Site` must say so.',
  },
}
