import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { lenient, text } from '../http/validation.ts'
import type { Viewer } from '../access/viewer.ts'
import { mayRead, maySeeBucket } from './may-read.ts'
import { allOf, contains, named } from './names.ts'

const most = { usual: 10, most: 50 }

export const searchQuery = z.object({
  q: text(200).min(1).describe('Part of a name, in whatever case.'),
  limit: lenient(z.int32().min(1).max(most.most)).default(most.usual).describe('Of each kind.'),
})

export type SearchQuery = z.output<typeof searchQuery>

const hit = z.object({ id: z.int(), name: z.string() })

export const searchResult = z.object({
  companies: z.array(hit),
  buckets: z.array(hit),
  sources: z.array(hit),
  measurements: z.array(z.object({ ...hit.shape, source: named })),
})

export type SearchResult = z.output<typeof searchResult>

/** What has these words in its name: the same name first, then those that begin with it. */
export async function search(database: Database, viewer: Viewer, { q, limit }: SearchQuery): Promise<SearchResult> {
  const [companies, buckets, sources, measurements] = await Promise.all([
    database.any(sql.type(hit)`
      SELECT c.id, c.name FROM public.company c
      WHERE ${allOf([contains(sql.fragment`c.name`, q), mayRead(viewer, sql.fragment`c.id`)])}
      ORDER BY ${closeness(sql.fragment`c.name`, q)}, c.id LIMIT ${limit}`),
    database.any(sql.type(hit)`
      SELECT b.id, b.title AS name FROM public.bucket b
      WHERE ${allOf([contains(sql.fragment`b.title`, q), maySeeBucket(viewer, sql.fragment`b`)])}
      ORDER BY ${closeness(sql.fragment`b.title`, q)}, b.id LIMIT ${limit}`),
    database.any(sql.type(hit)`
      SELECT d.id, d.source_name AS name FROM public.data_source d WHERE ${contains(sql.fragment`d.source_name`, q)}
      ORDER BY ${closeness(sql.fragment`d.source_name`, q)}, d.id LIMIT ${limit}`),
    database.any(sql.type(searchResult.shape.measurements.element)`
      SELECT m.id, m.measurement_name AS name, json_build_object('id', d.id, 'name', d.source_name) AS source
      FROM public.source_measurement m JOIN public.data_source d ON d.id = m.source_module_id
      WHERE ${contains(sql.fragment`m.measurement_name`, q)}
      ORDER BY ${closeness(sql.fragment`m.measurement_name`, q)}, m.id LIMIT ${limit}`),
  ])
  return { companies: [...companies], buckets: [...buckets], sources: [...sources], measurements: [...measurements] }
}

function closeness(name: SqlFragment, q: string): SqlFragment {
  return sql.fragment`lower(${name}) <> lower(${q}), NOT starts_with(lower(${name}), lower(${q})), length(${name})`
}
