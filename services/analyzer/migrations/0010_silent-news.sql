-- Up Migration

-- Silent news items have no row in public.news, unless WRITE_PUBLIC_SILENT_NEWS is set.
ALTER TABLE news ALTER COLUMN public_news_id DROP NOT NULL;
