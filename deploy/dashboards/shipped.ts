import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../local/config.ts'

/** A query of a panel that the chart ships. `board`: the name of its file, without its ending. */
export type ShippedQuery = { board: string; panel: string; expr: string }

type Board = { panels: { title: string; targets?: { expr: string }[] }[] }
const folder = join(root, 'deploy/helm/parma-analytics/files/dashboards')

/** Every query of every panel, with the variables of Grafana as it fills them in: all namespaces, and this interval. */
export function listShippedQueries(rateInterval: string): ShippedQuery[] {
  return readdirSync(folder).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Board
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({
        ...{ board: file.replace(/\.json$/, ''), panel: title },
        expr: expr.replaceAll('$__rate_interval', rateInterval).replaceAll('$namespace', '.*'),
      })),
    )
  })
}
