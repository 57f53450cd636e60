import { expect, test } from 'vitest'
import { createInstallation } from '../harness/installation.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

/** What an edge says of the exporter's queries; empty: it exports nothing. */
async function queriesOf({ healthUrl }: StartedService): Promise<Record<string, number>> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text()
  const found = text.matchAll(/^parma_exporter_query_ok\{query="([a-z_]+)"\} (\d)$/gm)
  return Object.fromEntries([...found].map(([, query, ok]) => [query, Number(ok)]))
}

test('one of two edges exports; what it cannot read it says, and the other takes over', async () => {
  const installation = await createInstallation()
  const rename = (from: string, to: string) =>
    installation.database.query(`ALTER VIEW normalizer.${from} RENAME TO ${to}`)
  await rename('refusal_view', 'gone_view')
  const edges = [await installation.start('edge'), await installation.start('edge')]

  const [exporter] = await waitFor(
    'one exporter',
    async () => {
      const all = await Promise.all(edges.map(async (edge) => ({ edge, queries: await queriesOf(edge) })))
      const exporting = all.filter(({ queries }) => Object.keys(queries).length === 7)
      return exporting.length === 1 && exporting
    },
    60_000,
  )
  expect(exporter?.queries).toEqual({
    ...{ sources: 1, incidents: 1, dead_letters: 1, destinations: 1, messages: 1, refusals: 0, groups: 1 },
  })
  const text = await (await fetch(`${exporter!.edge.healthUrl}/metrics`)).text()
  expect(text).toContain('parma_open_dead_letters{group="normalizer"} 0')
  expect(text).toContain('parma_group_members{group="analyzer"} 0')
  expect(text).not.toContain('parma_open_refusals{')
  expect(text).toMatch(/^parma_ready 1$/m)

  await rename('gone_view', 'refusal_view')
  const [other] = edges.filter((edge) => edge !== exporter?.edge)
  await exporter?.edge.stop()
  await waitFor(
    'the other to export all',
    async () => {
      const queries = await queriesOf(other!)
      return Object.keys(queries).length === 7 && Object.values(queries).every((ok) => ok === 1)
    },
    60_000,
  )
})
