import { expect, test } from 'vitest'
import { searchMain } from './search-page.ts'

const none = { companies: [], buckets: [], sources: [], measurements: [] }

test('companies and buckets lead to their pages', () => {
  const found = { ...none, companies: [{ id: 4, name: '<Acme>' }], buckets: [{ id: 3, name: 'Fund' }] }
  const page = String(searchMain('a', found))
  expect(page).toContain('<a href="/console/companies/4"><bdi>&lt;Acme&gt;</bdi></a>')
  expect(page).toContain('<a href="/console?bucket=3"><bdi>Fund</bdi></a>')
})

test('where nothing is found, or nothing was searched for, there is a next step', () => {
  expect(String(searchMain('<x>', none))).toContain('has <bdi>&lt;x&gt;</bdi> in its name')
  for (const found of [none, null]) expect(String(searchMain('', found))).toContain('href="/console/watchlist"')
})
