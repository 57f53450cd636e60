import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Cell } from '../http/csv.ts'
import { HttpError } from '../http/http-error.ts'
import {
  chooseMeasurements,
  compareCompanies,
  type Measurement,
  mostMeasurements,
  type Part,
} from '../growth/compare.ts'
import { windows } from '../growth/grow.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import { utcTime } from '../http/time.ts'
import type { Viewer } from '../access/viewer.ts'
import { isFollowed, isInBucket, mayRead, requireBucket } from './may-read.ts'
import { allOf, contains, named } from './names.ts'
import { changeSchema, describeChange } from './one-series.ts'
import { directionOf, measurementOf, orderCompanies, place, sorting } from '../growth/order-companies.ts'
import { format, id, paging, words } from './parameters.ts'

/** Companies that are ranked among each other at once. */
const mostRanked = 1000
/** Names are ordered by their beginning. */
const orderedBy = sql.fragment`lower(left(c.name, 100))`

export const companiesQuery = z.object({
  bucket: id.optional().describe('Companies in this bucket.'),
  q: words.optional().describe('Part of the name.'),
  measurements: z
    .string()
    .regex(/^\d{1,9}(,\d{1,9}){0,7}$/)
    .optional()
    .describe(
      `Ids of up to ${mostMeasurements} measurements to compare by, with commas. Without it those that readers care for most, of which more is good or bad.`,
    ),
  days: z
    .enum(windows.map(String) as [`${(typeof windows)[number]}`])
    .default('30')
    .describe('The length of time over which growth is measured, up to the newest value of each series.'),
  followed: z.literal('true').optional().describe('Only companies that the person follows. Of an API key: all.'),
  sort: sorting.describe(
    `\`name\`, \`momentum\`, or \`value\`, \`change\` or \`rank\` with the id of a measurement, such as \`change-17\`. Companies without the number come last. At most ${mostRanked} companies are ranked.`,
  ),
  direction: z
    .enum(['ascending', 'descending'])
    .optional()
    .describe('Ascending for names and ranks, descending for other numbers, unless told.'),
  ...paging,
  format,
})

export type CompaniesQuery = z.output<typeof companiesQuery>

const growthPart = z.object({
  series_id: z.string(),
  measurement: named,
  value: z.number(),
  observed_at: utcTime,
  ...changeSchema.shape,
  polarity: z.enum(['good', 'bad', 'neither']).describe('Whether more is good.'),
  rank: z.int().nullable().describe('1 is the best. Null: not ranked.'),
  of: z.int(),
})

const companyItem = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string().nullable(),
  sources: z.int(),
  momentum: z
    .number()
    .nullable()
    .describe('The mean of the ranks in `growth`, from 0 (last everywhere) to 100 (first everywhere).'),
  growth: z.array(growthPart),
})

export const companiesPage = z.object({
  companies: z.array(companyItem),
  compared: z.object({
    days: z.int(),
    companies: z.int().describe('All that fit the query.'),
    ranked: z.boolean().describe('False: they are too many to be ranked among each other.'),
    measurements: z.array(z.object({ ...named.shape, source: named, polarity: z.string(), weight: z.number() })),
  }),
  next: z.string().nullable(),
})

export type CompaniesPage = z.output<typeof companiesPage>

const companyRow = z.object({ ...companyItem.omit({ momentum: true, growth: true }).shape, place: z.string() })
const byName = z.tuple([z.string(), z.int32()])

/**
 * Compared by at most `most` measurements, unless the query names them. Throws an HttpError: 400 for a wrong cursor, 404
 * for a bucket, 422 where there are too many companies to rank.
 */
export async function listCompanies(
  database: Database,
  viewer: Viewer,
  query: CompaniesQuery,
  asked: Asked,
  most = mostMeasurements,
): Promise<CompaniesPage> {
  const { sort, limit } = query
  if (query.bucket !== undefined) await requireBucket(database, viewer, query.bucket)
  const all = await findIds(database, viewer, query)
  const isRanked = all.length <= mostRanked
  if (!isRanked && sort !== 'name') throw tooManyToRank(all.length, sort)
  const reading = sort === 'name' ? readPage(database, viewer, query, asked, isRanked ? all : null) : null
  const compared = isRanked ? all : ((await reading) ?? []).map(({ id }) => id)
  const choosing = chooseMeasurements(database, compared, wantedOf(query), most)
  const [page, measurements] = await Promise.all([reading, choosing])
  const grown = await compareCompanies(database, measurements, Number(query.days))
  const after = query.cursor === undefined || page ? null : readCursor(place, asked, query.cursor)
  const ordered = page ? null : orderCompanies(all, grown, query, after)
  const placeOf = new Map(ordered?.map((one) => [one.id, one.place]))
  const found = page ?? (await readInOrder(database, [...placeOf.keys()].slice(0, limit + 1)))
  const { rows, next } = cutPage(asked, found, limit, ({ place, id }) => placeOf.get(id) ?? [place, id])
  return {
    companies: rows.map(({ place: _, ...row }) => ({
      ...row,
      momentum: isRanked ? (grown.get(row.id)?.momentum ?? null) : null,
      growth: (grown.get(row.id)?.parts ?? []).map((part) => describePart(part, measurements, isRanked)),
    })),
    compared: {
      ...{ days: Number(query.days), companies: all.length, ranked: isRanked },
      measurements: measurements.map(({ company_measurements: _, companies: __, ...measurement }) => measurement),
    },
    next,
  }
}

/**
 * The same by name where the companies are too many to be ranked. `askedOf`: what the cursors of a query belong to. The
 * cursor is then that of the list by name.
 */
export async function listInOrder(
  database: Database,
  viewer: Viewer,
  query: CompaniesQuery,
  askedOf: (query: CompaniesQuery) => Asked,
  most = mostMeasurements,
): Promise<{ page: CompaniesPage; isUnsorted: boolean }> {
  const read = (asked: CompaniesQuery) => listCompanies(database, viewer, asked, askedOf(asked), most)
  try {
    return { page: await read(query), isUnsorted: false }
  } catch (error) {
    if (!(error instanceof HttpError && error.status === 422)) throw error
    return { page: await read({ ...query, sort: 'name', direction: undefined }), isUnsorted: true }
  }
}

/** The measurements that are asked for, with the one that is sorted by. Null: none is. */
function wantedOf({ measurements, sort }: CompaniesQuery): number[] | null {
  const wanted = measurements?.split(',').map(Number) ?? null
  const sorted = measurementOf(sort)
  return sorted === null ? wanted : [...new Set([sorted, ...(wanted ?? [])])].slice(0, mostMeasurements)
}

function describePart(part: Part, measurements: readonly Measurement[], isRanked: boolean) {
  const { measurementId, newest, change, polarity, rank, of, seriesId } = part
  return {
    ...{ series_id: seriesId, value: newest.value, observed_at: new Date(newest.at).toISOString(), polarity },
    measurement: { id: measurementId, name: measurements.find(({ id }) => id === measurementId)?.name ?? null },
    ...describeChange(change),
    ...{ rank: isRanked ? rank : null, of: isRanked ? of : 0 },
  }
}

function conditionsOf(viewer: Viewer, { bucket, q, followed }: CompaniesQuery) {
  return allOf([
    mayRead(viewer, sql.fragment`c.id`),
    followed === undefined || viewer.userId === null ? null : isFollowed(viewer, sql.fragment`c.id`),
    bucket === undefined ? null : isInBucket(sql.fragment`c.id`, bucket),
    q === undefined ? null : contains(sql.fragment`c.name`, q),
  ])
}

const idRow = z.object({ id: z.int() })

function findIds(database: Database, viewer: Viewer, query: CompaniesQuery): Promise<readonly number[]> {
  return database.anyFirst(sql.type(idRow)`SELECT c.id FROM public.company c WHERE ${conditionsOf(viewer, query)}`)
}

const fields = sql.fragment`
  c.id, c.name, c.description, ${orderedBy} AS place,
  (SELECT count(*)::int FROM public.company_data_source l WHERE l.company_id = c.id) AS sources`

/** One more than the page, if there are more. `ids`: those of all companies that fit, where they are few. */
function readPage(
  database: Database,
  viewer: Viewer,
  query: CompaniesQuery,
  asked: Asked,
  ids: readonly number[] | null,
) {
  const fits = ids ? sql.fragment`c.id = ANY(${column(ids, 'int4', (id) => id)})` : conditionsOf(viewer, query)
  const after = query.cursor === undefined ? null : readCursor(byName, asked, query.cursor)
  const isForward = directionOf(query) === 'ascending'
  const isAfter =
    after &&
    (isForward
      ? sql.fragment`(${orderedBy}, c.id) > (${after[0]}, ${after[1]})`
      : sql.fragment`(${orderedBy}, c.id) < (${after[0]}, ${after[1]})`)
  const order = isForward ? sql.fragment`${orderedBy}, c.id` : sql.fragment`${orderedBy} DESC, c.id DESC`
  return database.any(sql.type(companyRow)`
    SELECT ${fields} FROM public.company c WHERE ${allOf([fits, isAfter])}
    ORDER BY ${order} LIMIT ${query.limit + 1}`)
}

/** The same of these companies, in this order. */
async function readInOrder(database: Database, ids: readonly number[]) {
  const rows = await database.any(sql.type(companyRow)`
    SELECT ${fields} FROM public.company c WHERE c.id = ANY(${column(ids, 'int4', (id) => id)})`)
  const byId = new Map(rows.map((row) => [row.id, row]))
  // One that was deleted a moment ago is left out.
  return ids.flatMap((id) => byId.get(id) ?? [])
}

function tooManyToRank(companies: number, input: string): HttpError {
  const loc = ['query', 'sort']
  const msg = `Value error, ${companies} companies are more than the ${mostRanked} that are ranked at once`
  return new HttpError(
    422,
    [{ type: 'value_error', loc, msg, input, ctx: { error: {} } }],
    {},
    { remedy: 'Choose a `bucket` or part of a name (`q`) with fewer companies, or sort by name.' },
  )
}

/** Columns of the CSV file: a row for each company and compared series. */
export const companyColumns = [
  ...(['company_id', 'company', 'momentum', 'measurement', 'series_id', 'value', 'observed_at', 'days'] as const),
  ...(['previous', 'previous_at', 'change', 'percent', 'gap', 'polarity', 'rank', 'of'] as const),
] as const

type Row = Readonly<Record<(typeof companyColumns)[number], Cell>>

const noGrowth = Object.fromEntries(companyColumns.map((column) => [column, null])) as Row

/** A company as rows of a table. One without growth is one row. */
export function flattenCompany({ id, name, momentum, growth }: CompaniesPage['companies'][number]): Row[] {
  const company = { company_id: id, company: name, momentum }
  if (growth.length === 0) return [{ ...noGrowth, ...company }]
  return growth.map(({ measurement, ...part }) => ({ ...company, ...part, measurement: measurement.name }))
}
