import { z } from 'zod'

const id = z.int().positive()
const limit = z.int().min(1).max(200).default(20).describe('At most this many.')
const time = z.string().describe('A date or time in ISO 8601, UTC if it has no offset.')
const cursor = z.string().optional().describe('`next` of the page before; change nothing else.')

/** A question that the read API answers. */
export type Tool = {
  title: string
  description: string
  input: z.ZodObject
  /** The path of the route. What it does not name becomes its query. */
  path: string
}

/** The tools of `parma mcp`: each is one route of the read API, and none changes anything. */
export const tools: Readonly<Record<string, Tool>> = {
  search: {
    title: 'Search',
    description:
      'Finds companies, buckets, sources and measurements by part of their names. Their ids are asked for by the others.',
    input: z.object({ q: z.string().min(1).describe('Part of a name.') }),
    path: '/api/v1/search',
  },
  list_news: {
    title: 'News items',
    description: 'Changes worth knowing, the newest or the most important first.',
    input: z.object({
      company: id.optional(),
      bucket: id.optional(),
      source: id.optional(),
      severity: z.enum(['info', 'warning', 'critical']).optional(),
      since: time.optional(),
      until: time.optional(),
      order: z.enum(['newest', 'best']).default('newest'),
      ...{ limit, cursor },
    }),
    path: '/api/v1/news',
  },
  explain_news: {
    title: 'Why a news item exists',
    description: 'The rule of a news item, the values compared, and the raw documents that they come from.',
    input: z.object({ news_id: z.guid() }),
    path: '/api/v1/news/{news_id}/why',
  },
  list_companies: {
    title: 'Companies',
    description: 'Companies with their growth over 7 to 365 days, their ranks among each other, and their momentum.',
    input: z.object({
      bucket: id.optional(),
      q: z.string().optional().describe('Part of the name.'),
      days: z.enum(['7', '30', '90', '180', '365']).default('30'),
      sort: z.enum(['name', 'momentum']).default('name'),
      ...{ limit, cursor },
    }),
    path: '/api/v1/companies',
  },
  show_company: {
    title: 'One company',
    description: 'A company: its sources, series with their growth, list items and newest news items.',
    input: z.object({ company_id: id }),
    path: '/api/v1/companies/{company_id}',
  },
  list_series: {
    title: 'Series',
    description: 'Series, each with its newest value and how the detectors judge it.',
    input: z.object({
      company: id.optional(),
      source: id.optional(),
      q: z.string().optional().describe('Part of the name of a measurement or list item.'),
      ...{ limit, cursor },
    }),
    path: '/api/v1/series',
  },
  show_series: {
    title: 'One series',
    description: 'The values of a series over time, its forecast, growth and news items.',
    input: z.object({
      series_id: z.string().regex(/^[\w-]+$/),
      since: time.optional(),
      until: time.optional(),
      limit: z.int().min(1).max(5000).default(200).describe('The newest values, at most this many.'),
      cursor,
    }),
    path: '/api/v1/series/{series_id}',
  },
  list_sources: {
    title: 'Data sources',
    description: 'Data sources with their newest runs and their health.',
    input: z.object({ limit, cursor }),
    path: '/api/v1/sources',
  },
}

/** The path and query that a tool asks for, with input that fits it. */
export function addressOf({ path }: Tool, input: Readonly<Record<string, unknown>>): string {
  const rest = new URLSearchParams()
  let filled = path
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined) continue
    if (filled.includes(`{${name}}`)) filled = filled.replace(`{${name}}`, encodeURIComponent(String(value)))
    else rest.set(name, String(value))
  }
  return rest.size > 0 ? `${filled}?${rest}` : filled
}
