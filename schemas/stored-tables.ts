import { owners } from './public-tables.ts'

/** A table of ours, or one of parma-web in which we write, in the order in which rows can be deleted. */
export type StoredTable = {
  name: string
  class: string
  /** SQL: whether a row `t` is older than `{cutoff}`. Only of classes that the command prunes. */
  isOld?: string
  /** SQL: whether a row `t` is about the company `{company}`. */
  isAbout?: string
  /** Columns to empty where `isAbout` holds, instead of deleting the row. */
  blanks?: readonly string[]
  /** Its texts may name companies that the row is not about, as a digest does. */
  names?: true
}

type Rest = Omit<StoredTable, 'name' | 'class'>
const table = (name: string, of: string, rest: Rest = {}): StoredTable => ({ name, class: of, ...rest })
const older = (column: string) => `t.${column} < {cutoff}`
const id = 't.company_id = {company}'
const text = 't.company_id = {company}::text'
const series = `t.company_measurement_id IN (
  SELECT company_measurement_id FROM public.company_source_measurement WHERE company_id = {company})`
const event = `t.event_id IN (SELECT event_id FROM normalizer.processed_event WHERE company_id = {company}::text)`
const inEvent = `t.event -> 'facts' ->> 'company_id' = {company}::text OR t.event ->> 'company_id' = {company}::text`
const oldNews = `(SELECT news_id FROM analyzer.news WHERE created_at < {cutoff})`
const newsOfCompany = `(SELECT news_id FROM analyzer.news WHERE company_id = {company})`
const isSettled = `NOT EXISTS (SELECT FROM analyzer.withheld_news w WHERE w.news_id = t.news_id AND w.state = 'withheld')`
const delivered = (of: string) => `t.delivery_id IN (SELECT delivery_id FROM notifier.delivery WHERE ${of})`
const notified = `t.notification_id IN (SELECT notification_id FROM notifier.notification WHERE company_id = {company})`
/** All of a message's deliveries ended before the cutoff. */
const undelivered = `NOT EXISTS (SELECT FROM notifier.delivery d
  WHERE d.notification_id = t.notification_id AND (d.settled_at IS NULL OR d.settled_at >= {cutoff}))`
const any = 'true'

const publicValues = ['comment', 'date', 'float', 'image', 'int', 'link', 'nested', 'paragraph', 'text'].map((type) =>
  table(`public.measurement_${type}_value`, 'public-values', {
    // Rows from before the first payload are those of the predecessor.
    isOld: `t.timestamp < {cutoff} AT TIME ZONE 'UTC' AND t.created_at >= (
      SELECT processed_at AT TIME ZONE 'UTC' FROM normalizer.processed_event ORDER BY event_no LIMIT 1)`,
    isAbout: series,
  }),
)

const withAudit = owners.map((owner) =>
  table(`${owner}.audit`, 'audit', {
    isOld: older('at'),
    isAbout: `t.subject = 'company:' || {company}::text`,
    blanks: ['reason', 'before', 'after'],
    names: true,
  }),
)

const withChanges = ['normalizer', 'analyzer', 'notifier', 'scheduler'] as const
const isOwned = (owner: string) => [
  table(`${owner}.processed_event`, 'ledgers'),
  table(`${owner}.outbox`, 'short-lived', { isAbout: inEvent, names: true }),
]

/** Every table, but `migration` of each schema. A test compares it with the database. */
export const storedTables: readonly StoredTable[] = [
  ...publicValues,
  table('public.notification', 'public-messages', { isOld: `t.created_at < {cutoff} AT TIME ZONE 'UTC'`, isAbout: id }),
  table('public.report', 'public-messages', { isOld: `t.created_at < {cutoff} AT TIME ZONE 'UTC'`, isAbout: id }),

  table('notifier.attempt', 'deliveries', {
    isOld: delivered('settled_at < {cutoff}'),
    isAbout: delivered(notified.replace('t.', '')),
  }),
  table('notifier.delivery', 'deliveries', { isOld: older('settled_at'), isAbout: notified }),
  table('notifier.item_delivery', 'deliveries', {
    isOld: `${older('assigned_at')} AND ${undelivered}`,
    isAbout: id,
  }),
  table('notifier.notification', 'deliveries', {
    isOld: `${older('created_at')} AND ${undelivered} AND NOT EXISTS (
      SELECT FROM notifier.item_delivery i WHERE i.notification_id = t.notification_id AND i.assigned_at >= {cutoff})`,
    isAbout: id,
    names: true,
  }),
  table('notifier.ops_event', 'deliveries', { isOld: older('received_at'), names: true }),

  table('public.news', 'news', {
    isOld: 't.id IN (SELECT public_news_id FROM analyzer.news WHERE created_at < {cutoff})',
    isAbout: id,
  }),
  table('notifier.feedback', 'news', { isOld: `t.news_id IN ${oldNews}`, isAbout: id }),
  table('notifier.digest_item', 'short-lived', { isAbout: `t.news_id IN ${newsOfCompany}` }),
  table('notifier.digest', 'news', { isOld: older('made_at'), names: true }),
  table('notifier.news_item', 'news', {
    isOld: older('received_at'),
    isAbout: 't.group_id IN (SELECT group_id FROM notifier.news_group WHERE company_id = {company})',
  }),
  table('notifier.news_group', 'news', {
    isOld: `${older('first_at')} AND NOT EXISTS (
      SELECT FROM notifier.news_item i WHERE i.group_id = t.group_id AND i.received_at >= {cutoff})`,
    isAbout: id,
  }),
  table('analyzer.withheld_news', 'news', {
    isOld: `t.state = 'dropped' AND t.news_id IN ${oldNews}`,
    isAbout: event,
  }),
  table('analyzer.news', 'news', { isOld: `${older('created_at')} AND ${isSettled}`, isAbout: id }),

  table('analyzer.series_state', 'vanished-states', {
    isOld: `t.item_key <> '' AND t.observed_at < {cutoff} AND EXISTS (
      SELECT FROM public.company_source_measurement s
      JOIN public.source_measurement m ON m.id = s.source_measurement_id
      JOIN analyzer.feed f ON f.data_source_id = m.source_module_id AND f.company_id = s.company_id
      WHERE s.company_measurement_id = t.company_measurement_id AND f.observed_at >= {cutoff})`,
    isAbout: series,
  }),
  table('analyzer.forecast', 'state', { isAbout: series }),
  table('analyzer.rule_trial', 'short-lived', { isAbout: any }),
  table('analyzer.rule_rehearsal', 'short-lived', { isAbout: any }),
  table('analyzer.map_trial_news', 'short-lived', { isAbout: any }),
  table('analyzer.pending_part', 'state', { isAbout: event }),
  table('analyzer.rule_error', 'state', { isAbout: event }),
  ...['subject_state', 'payload_trace', 'feed', 'feed_due', 'incident', 'past_incident', 'withheld_payload'].map(
    (name) => table(`analyzer.${name}`, 'state', { isAbout: id }),
  ),
  table('analyzer.run_evidence', 'short-lived', { isAbout: id }),
  table('analyzer.judged_run', 'state', { names: true }),
  ...['rule', 'rejudge', 'measurement_meaning', 'own_polarity'].map((name) => table(`analyzer.${name}`, 'state')),

  ...['subscription', 'mute', 'company_report', 'bundle'].map((name) =>
    table(`notifier.${name}`, 'state', { isAbout: id }),
  ),
  table('notifier.digest_preview', 'short-lived', { isAbout: any }),
  table('notifier.rehearsal', 'short-lived', { isAbout: any }),
  ...[
    ...['ops_story', 'destination', 'channel', 'channel_subscription', 'parking', 'secret', 'quiet_hours', 'trouble'],
    ...['digest_policy', 'weekly_request', 'digest_start', 'digest_setting', 'default_start'],
  ].map((name) => table(`notifier.${name}`, 'state')),

  ...['run', 'source_policy', 'policy_change', 'missed', 'module', 'health'].map((name) =>
    table(`scheduler.${name}`, 'state'),
  ),
  ...['discovery', 'company_source', 'story'].map((name) => table(`scheduler.${name}`, 'state', { isAbout: id })),

  table('edge.dead_letter', 'short-lived', {
    isAbout: `t.record_key = {company}::text AND t.topic ~ '^[^ ]*(mining[.](raw-payloads|observations)|insights[.]news)[.]'`,
    names: true,
  }),
  table('edge.mend', 'state', {
    isAbout: `t.key = {company}::text AND t.topic ~ '^[^ ]*(mining[.](raw-payloads|observations)|insights[.]news)[.]'`,
  }),
  ...['session', 'sign_in', 'source_bytes', 'process'].map((name) => table(`edge.${name}`, 'short-lived')),
  ...[
    ...['normalization_map', 'map_draft', 'api_key', 'seeded_rule', 'feed_address', 'visit', 'dead_letter_position'],
    'redrive',
  ].map((name) => table(`edge.${name}`, 'state')),

  table('normalizer.value', 'values', { isAbout: id }),
  table('normalizer.superseded_value', 'values', { isOld: older('superseded_at'), isAbout: id }),
  table('normalizer.refused', 'refusals', { isOld: older('refused_at'), isAbout: text }),
  table('normalizer.correction', 'state', {
    isAbout: 't.first_no IN (SELECT event_no FROM normalizer.processed_event WHERE company_id = {company}::text)',
  }),
  table('normalizer.unsent_observation', 'state', {
    isAbout: 't.event_no IN (SELECT event_no FROM normalizer.processed_event WHERE company_id = {company}::text)',
  }),
  ...['last_observed', 'drift', 'list_key'].map((name) => table(`normalizer.${name}`, 'state', { isAbout: text })),
  ...['drift_policy', 'path_day'].map((name) => table(`normalizer.${name}`, 'state')),
  table('normalizer.incident_day', 'short-lived'),
  table('normalizer.replay', 'state', { isAbout: '{company}::text = ANY(t.companies)', blanks: ['report'] }),
  table('normalizer.map_trial', 'short-lived', { isAbout: `t.state <> 'running'` }),

  ...withChanges.flatMap(isOwned).filter(({ name }) => name !== 'normalizer.processed_event'),
  ...withChanges.map((owner) => table(`${owner}.change`, 'ledgers')),
  // Last: others are found by it.
  table('normalizer.processed_event', 'lineage', { isAbout: text }),
  table('cli.handled_dead_letter', 'state'),
  table('cli.feed_hold', 'short-lived'),
  ...withAudit,
]
