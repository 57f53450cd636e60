import type { Command } from 'commander'
import { z } from 'zod'
import { findCompany, findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printRows } from '#runtime/commands/commands.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { formatStep } from './describe-incidents.ts'
import { expectPayload, type Rhythm } from './learn-rhythm.ts'
import type { Feed } from './judge-feeds.ts'
import { isStandstill } from './judge-standstill.ts'
import type { Movement } from './measure-movement.ts'

export function build(group: Command): void {
  group
    .command('ls')
    .description('list feeds: a company from a source, with the rhythm of its payloads and whether its numbers move')
    .option('--company <company>', 'only feeds about this company: id or name')
    .option('--source <source>', 'only feeds from this source: id or name')
    .option('--json', 'print JSON')
    .action(list)
}

const feedRow = z.object({
  company: z.string(),
  source: z.string(),
  at: z.number(),
  cameAt: z.number().nullable(),
  live: z.boolean(),
  // Both written by the analyzer alone.
  rhythm: z.custom<Rhythm | null>(),
  movement: z.custom<Movement | null>(),
})

type Options = { company?: string; source?: string; json?: boolean }

async function list({ json = false, ...filter }: Options): Promise<void> {
  const rows = await withDatabase(async (database) =>
    readFeeds(
      database,
      filter.company === undefined ? null : await findCompany(database, filter.company),
      filter.source === undefined ? null : await findSource(database, filter.source),
    ),
  )
  const now = Date.now()
  printRows(
    rows.map(({ company, source, ...feed }) => ({ company, source, ...describeFeed(feed, now) })),
    json,
    ['observed_at', 'expected_at', 'overdue_from', 'moved_at'],
  )
}

function readFeeds(database: Database, company: number | null, source: number | null) {
  return database.any(sql.type(feedRow)`
    SELECT c.name AS company, d.source_name AS source, f.observed_at AS at, f.came_at AS "cameAt", f.live, f.rhythm, f.movement
    FROM analyzer.feed f
    JOIN public.company c ON c.id = f.company_id
    JOIN public.data_source d ON d.id = f.data_source_id
    WHERE (${company}::int IS NULL OR c.id = ${company}) AND (${source}::int IS NULL OR d.id = ${source})
    ORDER BY c.name, c.id, d.source_name`)
}

/** A feed for a list, as it is at `now`. Times in ISO 8601. Null: not known. */
export function describeFeed(
  feed: Pick<Feed, 'at' | 'cameAt' | 'live' | 'rhythm'> & { movement: Movement | null },
  now: number,
) {
  const { at, rhythm, movement } = feed
  const expected = expectPayload([feed])
  return {
    state: nameState(movement, expected, now),
    observed_at: formatIso(at),
    every: rhythm && formatStep(rhythm.step),
    expected_at: expected && formatIso(expected.at),
    overdue_from: expected && formatIso(expected.overdueAt),
    moves: movement && `${movement.moves} of ${movement.rounds}`,
    moved_at: movement && movement.movedAt !== null ? formatIso(movement.movedAt) : null,
    still_payloads: movement?.still ?? null,
  }
}

function nameState(movement: Movement | null, expected: { at: number; overdueAt: number } | null, now: number): string {
  if (movement && isStandstill(movement)) return 'stands still'
  if (!expected) return 'no rhythm known'
  return now >= expected.overdueAt ? 'overdue' : now >= expected.at ? 'due' : 'on time'
}

function formatIso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}
