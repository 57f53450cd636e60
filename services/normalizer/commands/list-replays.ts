import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { emptyReport, type Report } from '../replay/report.ts'

const replayRow = z.object({
  replay_no: z.number(),
  source_name: z.string(),
  mode: z.string(),
  map: z.string(),
  map_version: z.number().nullable(),
  state: z.string(),
  message: z.string(),
  done: z.number(),
  total: z.number(),
  actor: z.string(),
  reason: z.string(),
  asked_at: z.number(),
  finished_at: z.number().nullable(),
  // The loop writes it.
  report: z.custom<Partial<Report>>().transform((report): Report => ({ ...emptyReport(), ...report })),
})
type ReplayRow = z.output<typeof replayRow>

/** The newest replays, or one of them. */
export function listReplays(database: Database, count: number, replayNo: number | null = null) {
  return database.any(sql.type(replayRow)`
    SELECT replay_no, source_name, mode, map, map_version, state, message, done, total, actor, reason, asked_at, finished_at,
      report
    FROM normalizer.replay WHERE ${replayNo}::bigint IS NULL OR replay_no = ${replayNo}
    ORDER BY replay_no DESC LIMIT ${count}`)
}

export async function readReplay(database: Database, replayNo: number): Promise<ReplayRow> {
  const [replay] = await listReplays(database, 1, replayNo)
  if (!replay) throw new UsageError(`There is no replay ${replayNo}. \`parma replays ls\` lists them.`)
  return replay
}

/** What a replay did or would do, for people. */
export function describeReplay({
  replay_no,
  source_name,
  mode,
  state,
  message,
  done,
  total,
  report,
}: ReplayRow): string {
  const { same, added, changed, removed, kept, payloads, problems } = report
  const verb = mode === 'compare' ? 'would be ' : ''
  const counts = [
    `${added} values ${verb}added`,
    ...(mode === 'fill'
      ? [`${changed + removed} differ and stay`]
      : [`${changed} ${verb}changed`, `${removed} ${verb}removed`]),
    `${same} are the same`,
    ...(kept > 0 ? [`${kept} were corrected and stay`] : []),
  ]
  const lines = [
    `Replay ${replay_no} of ${source_name} (${mode}) is ${state}: ${done} of ${total} payloads.${message && ` ${message}`}`,
    `${counts.join(', ')}, in ${payloads} payloads.`,
    ...Object.entries(problems).map(([reason, count]) => `Not read: ${count} (${reason}).`),
    ...Object.entries(report.paths)
      .filter(([, one]) => one.added + one.changed + one.removed > 0)
      .map(([path, one]) => `${path}: ${one.added} added, ${one.changed} changed, ${one.removed} removed`),
    ...report.samples.map(
      ({ observed_at, company_id, path, item, before, after }) =>
        `  ${observed_at} company ${company_id} ${path}${item === null ? '' : ` (${item})`}: ${before ?? 'nothing'} → ${after ?? 'nothing'}`,
    ),
  ]
  return lines.join('\n')
}
