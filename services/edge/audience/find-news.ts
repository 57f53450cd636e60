import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { isFollowed, mayRead } from '../ask/may-read.ts'
import { allOf, contains } from '../ask/names.ts'
import { utcIso, utcTime } from '../http/time.ts'

const foundRow = z.object({
  news_id: z.string(),
  title: z.string(),
  company: z.string(),
  created_at: utcTime,
  silent: z.boolean(),
})

/** A news item that somebody looks for. */
export type FoundNews = z.output<typeof foundRow>

const mostFound = 30
const days = 60

/**
 * News items of the last 60 days that the viewer may read, silent ones too, the newest first: those whose title or company
 * has the words, or, without words, those of companies that the person follows.
 */
export function findNews(database: Database, viewer: Viewer, words: string): Promise<readonly FoundNews[]> {
  const q = words.trim()
  const isWanted =
    q !== ''
      ? sql.fragment`(${contains(sql.fragment`n.title`, q)} OR ${contains(sql.fragment`c.name`, q)})`
      : viewer.userId === null
        ? null
        : isFollowed(viewer, sql.fragment`n.company_id`)
  return database.any(sql.type(foundRow)`
    SELECT n.news_id, n.title, c.name AS company, ${utcIso(sql.fragment`n.created_at`)} AS created_at, n.silent
    FROM analyzer.news_view n JOIN public.company c ON c.id = n.company_id
    WHERE n.created_at > now() - make_interval(days => ${days})
      AND ${allOf([mayRead(viewer, sql.fragment`n.company_id`), isWanted])}
    ORDER BY n.created_at DESC, n.news_id LIMIT ${mostFound}`)
}
