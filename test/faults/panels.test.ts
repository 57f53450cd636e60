import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listShippedQueries } from '../../deploy/dashboards/shipped.ts'
import { events } from '../harness/prometheus/events.ts'
import { hasMoved, type Move } from '../harness/prometheus/moves.ts'
import { panelMoves } from '../harness/prometheus/panel-moves.ts'
import { startWatchedSystem, type WatchedSystem } from '../harness/prometheus/watched-system.ts'
import { waitFor } from '../harness/wait-for.ts'
import { root } from '../../deploy/local/config.ts'

/** Four times the interval of this Prometheus, as Grafana computes it. */
const queries = listShippedQueries('8s')
const rules = readFileSync(join(root, 'deploy/helm/parma-analytics/files/alerts.yaml'), 'utf8')
const now = () => Date.now() / 1000

/** Panels that the event has not moved since `from`. */
async function listStill({ prometheus }: WatchedSystem, event: string, from: number): Promise<string[]> {
  const asked = queries.flatMap((query) =>
    (panelMoves[query.board]?.[query.panel] ?? []).filter(({ by }) => by === event).map((move) => ({ ...query, move })),
  )
  const describe = ({ falls, of }: Move) => `${falls ? 'fell' : 'rose'} not ${JSON.stringify(of)}`
  const still = await Promise.all(
    asked.map(async ({ board, panel, expr, move }) =>
      hasMoved(await prometheus.queryRange(expr, from - 5), move, from)
        ? []
        : [`${board}: ${panel} ${describe(move)} by ${event}`],
    ),
  )
  return still.flat()
}

test('each panel has a row, and each event moves one', () => {
  const names = (of: { board: string; panel: string }[]) =>
    [...new Set(of.map(({ board, panel }) => `${board}: ${panel}`))].sort()
  const rows = Object.entries(panelMoves).flatMap(([board, panels]) =>
    Object.keys(panels).map((panel) => ({ board, panel })),
  )
  expect(names(rows)).toEqual(names(queries))
  const used = Object.values(panelMoves).flatMap((panels) => Object.values(panels).flatMap((moves) => moves))
  expect(new Set(used.map(({ by }) => by))).toEqual(new Set(Object.keys(events)))
})

test('every panel has data, and moves when what it is for happens', { timeout: 1_800_000 }, async () => {
  const begun = now()
  const system = await startWatchedSystem(9, rules)
  const hasFigures = async () =>
    (await system.prometheus.queryRange('min(parma_exporter_query_ok) == 1', begun)).some(({ points: [one] }) => one)
  await waitFor('the exporter', hasFigures, 90_000, 500)
  const begins: Record<string, number> = {}
  const problems: string[] = []
  const note = (event: string) => (error: Error) => void problems.push(`${event}: ${error.message}`)
  const settle = async (event: string, from: number) => {
    const still = async () => {
      const found = await listStill(system, event, from)
      if (found.length > 0) throw new Error(found.join('; '))
      return true
    }
    await waitFor('its panels', still, event === 'stale' ? 240_000 : 120_000, 1000).catch(note(event))
  }
  for (const [event, cause] of Object.entries(events)) {
    // Who is stopped finds nothing any more.
    if (event === 'stopped') await settle('stale', begins.stale ?? begun)
    const from = event === 'traffic' ? begun : now()
    begins[event] = from
    const heal = await cause(system).catch(note(event))
    // It takes minutes, in which others go on.
    if (event !== 'stale') await settle(event, from)
    await Promise.resolve(heal?.()).catch(note(event))
    console.log(`${event}: ${Math.round(now() - from)} s`)
  }
  const empty = queries.map(async ({ board, panel, expr }) => {
    const series = await system.prometheus.queryRange(expr, begun)
    return series.some(({ points }) => points.length > 0) ? [] : [`${board}: ${panel} is empty`]
  })
  expect([...problems, ...(await Promise.all(empty)).flat()]).toEqual([])
})
