import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'

const hourMs = 3_600_000
/** A run is decided long before. */
const evidenceDays = 7

/** Deletes what nobody needs to know of runs any more, every hour. Suspect runs stay, and so do news items that were dropped. */
export function startPruningRuns(
  config: Pick<Config, 'LEDGER_DAYS' | 'SUSPECT_HOLD_HOURS'>,
  context: ServiceContext,
  database: Database,
): void {
  startLoop('prune_runs', hourMs, context, async () => {
    const heldDays = config.SUSPECT_HOLD_HOURS / 24
    await database.query(sql.unsafe`
      DELETE FROM analyzer.run_evidence WHERE judged_at < now() - ${evidenceDays + heldDays} * interval '1 day'`)
    await database.query(sql.unsafe`
      DELETE FROM analyzer.judged_run r WHERE r.state = 'open' AND r.opened_at < now() - ${config.LEDGER_DAYS} * interval '1 day'
        AND NOT EXISTS (SELECT FROM analyzer.withheld_payload p WHERE p.run_no = r.run_no AND NOT p.is_settled)
        AND NOT EXISTS (SELECT FROM analyzer.run_evidence e WHERE e.run_no = r.run_no)`)
    await database.query(sql.unsafe`
      DELETE FROM analyzer.withheld_payload p WHERE p.is_settled AND p.since < now() - ${config.LEDGER_DAYS} * interval '1 day'
        AND NOT EXISTS (SELECT FROM analyzer.withheld_news n WHERE n.event_id = p.event_id)
        AND NOT EXISTS (SELECT FROM analyzer.uncounted_payload u WHERE u.event_id = p.event_id)`)
  })
}
