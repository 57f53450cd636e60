import { expect, test } from 'vitest'
import { routeTable } from '../../test/harness/edge/route-table.ts'

const roles = [
  ...[
    'anyone',
    'source',
    'feeder',
    'maybe-source',
    'viewer',
    'operator',
    'viewer-or-source',
    'person',
    'desk',
    'maybe-person',
  ],
]
const routes = routeTable()
const named = (wanted: (role: string) => boolean) =>
  routes.filter(({ role }) => wanted(role)).map(({ method, path }) => `${method.toUpperCase()} ${path}`)

test('every route declares its role', () => {
  expect(routes.length).toBeGreaterThan(8)
  expect(named((role) => !roles.includes(role))).toEqual([])
})

test('no route of the operator API is open, and no other route accepts API keys', () => {
  const takesKey = (role: string) => ['viewer', 'operator', 'viewer-or-source'].includes(role)
  const isOperatorApi = (route: string) => route.includes(' /api/v1/') && route !== 'POST /api/v1/payloads'
  expect(named(takesKey)).toEqual(named(() => true).filter(isOperatorApi))
})

test('only these routes are open', () => {
  const open = named((role) => role === 'anyone').filter((route) => !route.startsWith('GET /docs'))
  expect(open).toEqual([
    ...['GET /', 'GET /schedule', 'GET /weekly-reports', 'GET /notification-rules', 'POST /crm-companies'],
    // These need a signed link.
    ...['GET /why/:news_id', 'GET /charts/:picture'],
    ...['GET /unsubscribe/:notification_id/:delivery_id', 'POST /unsubscribe/:notification_id/:delivery_id'],
    ...['GET /act/:person/:news_id/:action', 'POST /act/:person/:news_id/:action'],
    'GET /feeds/:user_id/:version/:subject',
    ...['GET /assets/:file', 'GET /asyncapi.json', 'GET /redoc', 'GET /openapi.json'],
  ])
})

test('no two routes are the same', () => {
  const all = named(() => true)
  expect(new Set(all).size).toBe(all.length)
})
