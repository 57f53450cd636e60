import { expect, test } from 'vitest'
import { bringsCompanies, buildRequest, type Identifier } from './build-request.ts'

const found = (property: string, value: string, expired = false): Identifier => ({
  type: 'AUTOMATICALLY_DISCOVERED',
  property,
  value,
  expired,
})
const given = (property: string, value: string, expired = false): Identifier => ({
  type: 'MANUALLY_ADDED',
  property,
  value,
  expired,
})

test.each([
  ['no company', [], {}],
  ['one value', [{ company_id: 1, identifiers: [found('handles', 'langfuse')] }], { '1': { handles: ['langfuse'] } }],
  [
    'several properties and values, in their order',
    [{ company_id: 7, identifiers: [found('name', 'b'), found('subreddits', 'r'), given('name', 'a')] }],
    { '7': { name: ['b', 'a'], subreddits: ['r'] } },
  ],
  [
    'a value discovered and given',
    [{ company_id: 1, identifiers: [found('urls', 'x'), given('urls', 'x')] }],
    { '1': { urls: ['x'] } },
  ],
  [
    'expired ones',
    [{ company_id: 1, identifiers: [given('urls', 'x', true), found('urls', 'y', true)] }],
    { '1': { urls: ['x', 'y'] } },
  ],
  [
    'a company without any',
    [
      { company_id: 1, identifiers: [] },
      { company_id: 2147483647, identifiers: [found('handles', 'a')] },
    ],
    { '2147483647': { handles: ['a'] } },
  ],
  [
    'names that objects know',
    [{ company_id: 1, identifiers: [found('__proto__', 'a'), found('constructor', 'b')] }],
    JSON.parse('{"1":{"__proto__":["a"],"constructor":["b"]}}'),
  ],
])('%s', (_, companies, expected) => {
  const request = buildRequest(12, 'github', companies)
  expect(JSON.parse(JSON.stringify(request))).toEqual({ task_id: 12, companies: expected })
})

test.each([
  ['affinity', null],
  ['Affinity', {}],
  ['affinity2', {}],
])('the source %s gets companies %j', (name, companies) => {
  expect(buildRequest(1, name, [])).toEqual({ task_id: 1, companies })
  expect(bringsCompanies(name)).toBe(companies === null)
})
