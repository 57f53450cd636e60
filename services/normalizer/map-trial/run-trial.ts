import type { Database } from '#runtime/postgres/database.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { judgeDifference } from '../trial/judge.ts'
import { type MapReport, reportMaps } from './report-map.ts'
import { type MapSource, type TrialConfig, tryMap } from './try-map.ts'

/** What a map, given as JSON text, would make of documents; with `news`, also which news items. */
export async function runTrial(
  config: TrialConfig,
  database: Pick<Database, 'transaction'>,
  source: MapSource,
  { content, documents, news }: { content: string; documents: readonly RawPayload[]; news: boolean },
): Promise<MapReport> {
  const tried = await tryMap(config, database, source, content, documents)
  const observed = (side: typeof tried.before) => side.flatMap(({ observations }) => observations)
  return reportMaps(source, tried, news ? await judgeDifference(observed(tried.before), observed(tried.after)) : null)
}
