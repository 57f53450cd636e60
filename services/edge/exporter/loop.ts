import { Gauge } from 'prom-client'
import { z } from 'zod'
import { withDeadline } from '#runtime/calls/deadline.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { allFigures, type FigureSources } from './figures.ts'

/** How often figures are read: they change slowly, and each reading costs servers a little. */
const everyMs = 30_000
const deadlineMs = 10_000

const isRead = new Gauge({
  name: 'parma_exporter_query_ok',
  help: 'Whether the exporter could read figures (1) or not (0), by query. Only the one edge that exports has it',
  labelNames: ['query'] as const,
})

/**
 * Exports what stands in Postgres and Kafka for the installation as a whole, in one of all edges: that with the lowest id
 * of those that show signs of life in `edge.process`. Figures that cannot be read have no value, and `parma_exporter_query_ok`
 * says so; the edge goes on.
 */
export function startExporting({ log, ...context }: ServiceContext, processId: string, sources: FigureSources): void {
  let isExporter = false

  function forgetAll(): void {
    isRead.reset()
    for (const figures of allFigures) figures.forget()
  }

  startLoop('export_figures', everyMs, { log, ...context }, async () => {
    const wasExporter = isExporter
    // Without Postgres, the one that was it says what cannot be read.
    isExporter = await withDeadline(isFirst(sources.database, processId), deadlineMs, late).catch(() => wasExporter)
    if (!isExporter) {
      if (wasExporter) forgetAll()
      return
    }
    if (!wasExporter) log.info('exports_figures')
    for (const figures of allFigures) {
      try {
        await withDeadline(figures.read(sources), deadlineMs, late)
        isRead.set({ query: figures.name }, 1)
      } catch (error) {
        figures.forget()
        isRead.set({ query: figures.name }, 0)
        log.warn({ error, query: figures.name }, 'figures_not_read')
      }
    }
  })
}

const late = () => new Error(`no answer within ${deadlineMs} ms`)

const firstRow = z.object({ process_id: z.string() })

/** Whether this process has the lowest id of the living. */
async function isFirst(database: Database, processId: string): Promise<boolean> {
  const first = await database.maybeOne(sql.type(firstRow)`
    SELECT process_id FROM edge.process WHERE seen_at > now() - interval '30 seconds' ORDER BY process_id LIMIT 1`)
  return first?.process_id === processId
}
