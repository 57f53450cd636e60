import { changeViews } from './change-views.ts'
import { deskViews } from './desk-views.ts'
import type { Consumer } from './topics.ts'

type Service = Consumer | 'edge' | 'cli'

/** A view or table in a service's Postgres schema that other services may read: its columns change only by addition. */
export type SharedView = {
  /** `<schema of its owner>.<name>` */
  name: string
  readers: readonly Service[]
  /** What a row is. */
  row: string
  /** All its columns, from which grants are made. */
  columns: readonly string[]
}

const words = (text: string): string[] => text.trim().split(/\s+/)

const newsColumns = words(`
  news_id event_id replay_id event_no public_news_id kind severity company_id data_source_id source_measurement_id
  company_measurement_id subject_key item_key path seq map_version title message trigger_factor previous current rule_id
  rule_version observed_at task_id group_index group_size dedupe_key facts silent created_at`)

/** All that services may read of each other's Postgres schemas. `public` belongs to parma-web and is not listed. */
export const sharedViews: readonly SharedView[] = [
  {
    name: 'normalizer.value',
    readers: ['analyzer', 'notifier', 'edge', 'cli'],
    row: 'an understood value, the canonical fact',
    columns: words(`
      event_no replay_no observed_at number date seq company_measurement_id source_measurement_id company_id
      data_source_id type path subject_key item_key item_label text members generation_no
      public_id`),
  },
  {
    name: 'normalizer.value_view',
    readers: ['edge'],
    row: 'an understood value, with the keys of its series',
    columns: words(`
      event_no seq observed_at company_measurement_id source_measurement_id company_id data_source_id type
      path subject_key item_key item_label number text date members subject_id item_id brought_by`),
  },
  {
    name: 'normalizer.value_lineage',
    readers: ['edge'],
    row: 'a value with its event, map version, raw document, task and module',
    columns: words(`
      event_no seq path item_key observed_at company_id company_measurement_id source_measurement_id type
      number text date event_id replay_id map_version document task_id data_source_id source_name received_at
      processed_at generation_no corrected_by correction_reason members`),
  },
  {
    name: 'normalizer.superseded_value',
    readers: ['analyzer'],
    row: 'a value that another one has taken the place of, and by which row of the ledger',
    columns: words(`
      event_no replay_no observed_at number date seq company_measurement_id source_measurement_id company_id
      data_source_id type path subject_key item_key item_label text members generation_no superseded_by
      superseded_at`),
  },
  {
    name: 'normalizer.value_history',
    readers: ['edge'],
    row: 'an earlier value, with the replay or the correction that took its place',
    columns: words(`
      event_no seq path item_key observed_at company_id company_measurement_id source_measurement_id type number text
      date subject_key superseded_at event_id replay_id map_version corrected_by correction_reason members`),
  },
  {
    name: 'normalizer.replay_view',
    readers: ['edge'],
    row: 'a replay: what is read again, how far it is, and what it found',
    columns: words(`
      replay_no data_source_id source_name companies observed_from observed_to mode map map_version rate reason actor
      state message total done report asked_at finished_at`),
  },
  {
    name: 'normalizer.lineage',
    readers: ['analyzer', 'edge', 'raw-sink', 'cli'],
    row: 'a payload or a replay of it: its event, raw document, map version, task, subject, empty lists and counts of leaves',
    columns: words(`
      event_no event_id replay_id document data_source_id source_name company_id task_id map_version
      received_at observed_at processed_at stored nulls unmapped refused reason history subject_key
      empty_lists content_hash`),
  },
  {
    name: 'normalizer.event_status',
    readers: [],
    row: 'a payload: whether it was understood, when, and why not',
    columns: words('event_id stage at reason'),
  },
  {
    name: 'analyzer.news',
    readers: ['cli'],
    row: 'a news item',
    columns: [...newsColumns, 'importance', 'importance_parts'],
  },
  {
    name: 'analyzer.news_why',
    readers: ['edge'],
    row: 'a news item with the rule that made it, as it was then',
    columns: [...newsColumns, 'rule_definition', 'rule_since'],
  },
  {
    name: 'analyzer.series_view',
    readers: ['edge'],
    row: 'a series: its last value, and how the detectors judge it',
    columns: words(`
      company_id company_name data_source_id source_name source_measurement_id measurement_name type
      company_measurement_id subject_key item_key value observed_at event_no state points kind score reason
      expected expected_low expected_high`),
  },
  {
    ...{ name: 'analyzer.series_key_view', readers: ['edge'] },
    row: 'a series: its keys, and when its last value was observed',
    columns: words('company_measurement_id subject_key item_key observed_at'),
  },
  {
    name: 'analyzer.news_view',
    readers: ['notifier', 'edge'],
    row: 'a news item that people may read: none that is withheld or was dropped',
    columns: words(`
      news_id event_id kind severity company_id data_source_id source_measurement_id company_measurement_id
      subject_key item_key title message trigger_factor previous current rule_id rule_version observed_at
      created_at importance importance_parts facts silent subject_id item_id`),
  },
  {
    name: 'analyzer.meaning_view',
    readers: ['edge', 'notifier'],
    row: 'a measurement: whether more of it is good, and how much it counts',
    columns: words('source_measurement_id polarity weight'),
  },
  {
    name: 'analyzer.forecast_view',
    readers: ['edge'],
    row: 'the newest forecast of a series, so many values ahead',
    columns: words(
      'company_measurement_id subject_key item_key steps made_at for_time value low high mean_error model',
    ),
  },
  {
    name: 'analyzer.feed_view',
    readers: ['edge', 'notifier'],
    row: 'what a source says about a company: its newest payload, and how often one comes',
    columns: words('data_source_id company_id observed_at live every_ms'),
  },
  {
    name: 'analyzer.incident_view',
    readers: ['edge'],
    row: 'an incident that a source, or a company at it, had',
    columns: words('kind data_source_id company_id opened_at resolved_at'),
  },
  {
    name: 'analyzer.uncounted_payload',
    readers: ['edge'],
    row: 'a payload of which some series or all (`series` null) do not count: it looks like what a broken source makes',
    columns: words('event_id company_id data_source_id subject_key observed_at event_no series'),
  },
  {
    name: 'analyzer.event_status',
    readers: ['edge', 'cli'],
    row: 'a payload: whether it was judged, and when',
    columns: words('event_id stage at reason'),
  },
  ...changeViews,
  ...deskViews,
  {
    name: 'notifier.digest_view',
    readers: ['edge'],
    row: 'a digest as its reader got it',
    columns: words('digest_id user_id bucket_id rhythm period since made_at message'),
  },
  {
    name: 'notifier.event_status',
    readers: ['edge', 'cli'],
    row: 'a payload that made news items: how far their messages have come, and why they stopped',
    columns: words('event_id stage at reason'),
  },
  {
    name: 'notifier.delivery_status',
    readers: ['edge', 'cli'],
    row: 'a delivery and the event it reports, without names and addresses',
    columns: words('delivery_id notification_id kind event_id channel state reason created_at settled_at'),
  },
  {
    name: 'cli.feed_hold',
    readers: ['edge'],
    row: 'the time until which edges let modules wait',
    columns: words('only_one hold_id until reason begun_at'),
  },
  {
    name: 'edge.normalization_map',
    readers: ['normalizer'],
    row: "a version of a source's map; without published_at it is not yet durable on its topic",
    columns: words(`
      data_source_id version content_hash content received_at published_at origin actor reason same_as`),
  },
  {
    name: 'edge.process',
    readers: ['cli'],
    row: 'an edge that runs, and whether it lets modules wait',
    columns: words('process_id name seen_at hold_id hold_state reason'),
  },
  {
    name: 'edge.source_bytes',
    readers: ['scheduler'],
    row: 'the bytes of a source on a day (UTC), and when operators were told that they are used up',
    columns: words('day data_source_id bytes told_at'),
  },
  {
    name: 'scheduler.source_health',
    readers: ['edge'],
    row: 'a source that has run: its health and counts of its runs',
    columns: words(
      'data_source_id status reason since known_since uptime runs runs_ok runs_partial runs_failed last_ok_at',
    ),
  },
  {
    name: 'scheduler.run_view',
    readers: ['edge'],
    row: 'a run: the execution of a task',
    columns: words(`
      task_id data_source_id schedule_type slot attempt started_at finished_at settled_at fed error_count
      outcome reason`),
  },
  {
    name: 'scheduler.downtime_view',
    readers: ['edge'],
    row: 'a time in which all runs of a source failed',
    columns: words('data_source_id since until failed_runs'),
  },
  {
    name: 'scheduler.company_source_view',
    readers: ['edge'],
    row: 'a source and a company that its runs have fed or failed for',
    columns: words('data_source_id company_id fed last_fed_at failed_runs reason'),
  },
  {
    name: 'scheduler.event_status',
    readers: ['edge', 'cli'],
    row: 'an event that was counted for a run or took effect on a task',
    columns: words('event_id stage at reason'),
  },
]
