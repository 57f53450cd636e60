import { sql } from '#runtime/postgres/database.ts'

/** How many people follow each company itself, rather than a bucket with it or all companies: company_id, followers. */
export const followerCounts = sql.fragment`(
  SELECT company_id, count(DISTINCT user_id)::int AS followers FROM (
    SELECT company_id, user_id FROM public.company_subscription
    UNION ALL SELECT company_id, user_id FROM public.news_subscription
    UNION ALL SELECT company_id, user_id FROM notifier.subscription WHERE company_id IS NOT NULL AND bucket_id IS NULL
  ) s GROUP BY company_id)`
