import { sql, type SqlFragment } from './database.ts'

// Conditions in SQL that several services ask for.
// What parma-web shows a person comes first: who asks for more, here or by following something, must not get it.

/** SQL that is true for companies in a bucket that the person may see, that they added, or that they follow. */
export function isVisibleCompany(person: number, companyId: SqlFragment): SqlFragment {
  return sql.fragment`${companyId} IN (
    SELECT i.company_id FROM public.company_bucket_membership i JOIN public.bucket b ON b.id = i.bucket_id
    WHERE ${isVisibleBucket(person, sql.fragment`b`)}
    UNION SELECT company_id FROM public.company_subscription WHERE user_id = ${person}
    UNION SELECT company_id FROM public.news_subscription WHERE user_id = ${person}
    UNION SELECT id FROM public.company WHERE added_by = ${person}
  )`
}

/** The same for the bucket with this alias: their own, public ones, and those shared with them. */
export function isVisibleBucket(person: number | SqlFragment, bucket: SqlFragment): SqlFragment {
  return sql.fragment`(${bucket}.is_public OR ${bucket}.owner_id = ${person} OR EXISTS (
    SELECT FROM public.bucket_access a WHERE a.bucket_id = ${bucket}.id AND a.invitee_id = ${person}))`
}

/**
 * Whether a row `v` of normalizer.value counts for what is learned from the past: it is not withheld, and was not dropped.
 * `uncounted` is analyzer.uncounted_payload, which its readers name.
 */
export function isCountedBy(uncounted: SqlFragment): SqlFragment {
  return sql.fragment`NOT EXISTS (
    SELECT FROM ${uncounted} u
    WHERE u.event_no = v.event_no AND (u.series IS NULL OR u.series @> jsonb_build_array(jsonb_build_object(
      'company_measurement_id', v.company_measurement_id, 'item_key', v.item_key)))
  )`
}
