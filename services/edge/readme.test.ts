import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { routeTable } from '../../test/harness/edge/route-table.ts'

test('the README names every route, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const named = new Set([...page.matchAll(/`((?:GET|POST|PUT|DELETE) \/[^`]*)`/g)].map(([, route]) => route))
  const routes = routeTable().map(({ method, path }) => `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  expect([...named].sort()).toEqual(routes.sort())
})
