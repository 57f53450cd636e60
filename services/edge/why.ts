import { z } from 'zod'
import type { Database } from '#runtime/postgres.ts'
import { type Answer, json, Refusal } from './answer.ts'
import type { Bounded } from './deadline.ts'
import { readWhy, whySchema } from './read-why.ts'
import type { About, RouteRequest } from './route.ts'
import { validate } from './validation.ts'

const whyParams = z.object({ news_id: z.string().regex(/^(\d{1,9}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i) })

export const whyAbout: About = {
  summary: 'Why there is a news: the rule, the values it compared, and the way from each back to the raw document.',
  params: whyParams,
  answers: {
    200: { description: 'Everything that led to the news.', schema: whySchema },
    404: { description: 'There is no news with this id.' },
  },
}

export type WhyDeps = { database: Database; boundedLookup: Bounded }

/** GET /api/v1/news/{news_id}/why, by the uuid of a news or its number in parma-web. */
export function explainNews({ database, boundedLookup }: WhyDeps) {
  return async ({ params }: RouteRequest): Promise<Answer> => {
    const { news_id } = validate(whyParams, params, 'path')
    const why = await boundedLookup(readWhy(database, news_id))
    if (why) return json(200, why)
    throw new Refusal(
      404,
      'No news with this id is known.',
      {},
      {
        type: 'unknown-news',
        title: 'There is no such news',
        remedy: 'Take the id from the message, from analyzer.news, or from public.news.',
      },
    )
  }
}
