import { expect, test } from 'vitest'
import { routeTable } from '../../test/harness/edge/route-table.ts'
import { addressOf, tools } from './mcp-tools.ts'

test('every tool is a route that a viewer may read, and its input is what the route takes', () => {
  const routes = new Map(
    routeTable().map((route) => [`${route.method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`, route]),
  )
  for (const [name, { path, input }] of Object.entries(tools)) {
    const route = routes.get(`get ${path}`)
    expect([name, route?.role]).toEqual([name, 'viewer'])
    const taken = { ...route?.doc.params?.shape, ...route?.doc.query?.shape }
    expect([name, Object.keys(input.shape).filter((one) => !(one in taken))]).toEqual([name, []])
  }
})

test('input goes into the path and the query, and cannot leave its place', () => {
  expect(addressOf(tools['show_series']!, { series_id: '4711', since: '2026-01-01', until: undefined, limit: 3 })).toBe(
    '/api/v1/series/4711?since=2026-01-01&limit=3',
  )
  expect(addressOf(tools['search']!, { q: 'a&b=../c d' })).toBe('/api/v1/search?q=a%26b%3D..%2Fc+d')
  expect(addressOf(tools['show_company']!, { company_id: '../x' })).toBe('/api/v1/companies/..%2Fx')
})
