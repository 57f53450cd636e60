import type { Command } from 'commander'
import { z } from 'zod'
import { findCompany, findSource } from '#runtime/commands/command-database.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import { collect } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'

/** Which payloads are read. Null: all. */
export type Selection = {
  companies: readonly number[] | null
  sources: readonly number[] | null
  /** Only values of these source measurements. */
  measurements: readonly number[] | null
  /** Only this series, which these payloads have, by their numbers in the normalizer's ledger. */
  series?: { company_measurement_id: number; item_key: string | null; payloads: readonly number[] }
  /** Only payloads that the live analyzer has judged, which forgets after this many days which they are. */
  judgedDays?: number
}

/**
 * What is stored of a company. `payloads` and `values` count those of the period; `first` and `last` are their observed
 * times (ms since 1970). `lastNo`: the number of the last payload that must be judged, so that all of the period are.
 */
export type CompanyHistory = {
  company_id: number
  payloads: number
  values: number
  first: number
  last: number
  lastNo: number
}

/** Observed times, ms since 1970; `to` is not part of it. */
export type Period = { from: number; to: number }

const historyRow = z.object({
  company_id: z.number(),
  payloads: z.number(),
  values: z.number(),
  first: z.number(),
  last: z.number(),
  lastNo: z.number(),
})

/** The companies with payloads in the period, by id. */
export function readHistories(
  database: Pick<Database, 'any'>,
  { companies, sources }: Selection,
  { from, to }: Period,
): Promise<readonly CompanyHistory[]> {
  return database.any(sql.type(historyRow)`
    SELECT company_id::int, count(*) AS payloads, sum(stored)::int8 AS values, min(observed_at) AS first,
      max(observed_at) AS last, max(event_no) AS "lastNo"
    FROM normalizer.lineage
    WHERE reason IS NULL AND map_version IS NOT NULL
      AND observed_at >= to_timestamp(${from / 1000}) AND observed_at < to_timestamp(${to / 1000})
      AND ${isOfCompany(companies)} AND ${isOfSource(sources)}
    GROUP BY company_id ORDER BY company_id::int`)
}

const extentRow = z.object({ payloads: z.number(), first: z.number().nullable(), last: z.number().nullable() })

/** The same. A UsageError that says what is stored when there are none. */
export async function requireHistories(database: Pick<Database, 'any' | 'one'>, selection: Selection, period: Period) {
  const companies = await readHistories(database, selection, period)
  if (companies.length > 0) return companies
  const { payloads, first, last } = await database.one(sql.type(extentRow)`
    SELECT count(*) AS payloads, min(observed_at) AS first, max(observed_at) AS last
    FROM normalizer.lineage
    WHERE reason IS NULL AND map_version IS NOT NULL
      AND ${isOfCompany(selection.companies)} AND ${isOfSource(selection.sources)}`)
  const isFiltered = selection.companies !== null || selection.sources !== null
  const remedy =
    payloads === 0
      ? `No payload ${isFiltered ? 'of these companies and sources is stored: choose others' : 'is stored yet'}.`
      : `Payloads are stored from ${formatShortTime(first!)} to ${formatShortTime(last!)}: give --from and --to within.`
  throw new UsageError(`There is nothing to judge. ${remedy}`)
}

function isOfCompany(companies: Selection['companies']) {
  return companies ? sql.fragment`company_id = ANY(${sql.array(companies.map(String), 'text')})` : sql.fragment`true`
}

export function isOfSource(sources: Selection['sources']) {
  return sources ? sql.fragment`data_source_id = ANY(${sql.array([...sources], 'int4')})` : sql.fragment`true`
}

/** The options of withFilters; undefined: all. */
export type FilterOptions = { company?: readonly string[]; source?: readonly string[] }

/** Adds --company and --source to a command. */
export function withFilters(command: Command): Command {
  return command
    .option('--company <company>', 'only this company, by id or name; may be repeated', collect)
    .option('--source <source>', 'only this source, by id or name; may be repeated', collect)
}

/** The companies and sources that options name, by id or name. Null where there is no such option. */
export async function readFilters(
  connection: Pick<Database, 'any'>,
  { company, source }: FilterOptions,
): Promise<Pick<Selection, 'companies' | 'sources'>> {
  const ids = async (asked: readonly string[] | undefined, find: typeof findCompany) => {
    if (asked === undefined) return null
    return [...new Set(await Promise.all(asked.map((text) => find(connection, text))))].sort((a, b) => a - b)
  }
  return { companies: await ids(company, findCompany), sources: await ids(source, findSource) }
}
