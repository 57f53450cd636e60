/** As SharedView in views.ts. */
type View = {
  name: string
  readers: readonly ('edge' | 'cli' | 'normalizer' | 'raw-sink' | 'analyzer')[]
  row: string
  columns: readonly string[]
}

const forDesk = (name: string, row: string, columns: string): View => ({
  ...{ name, readers: ['edge'], row },
  columns: columns.trim().split(/\s+/),
})

/** What the operator's desk shows of services. */
export const deskViews: readonly View[] = [
  {
    ...forDesk(
      'normalizer.refusal_view',
      'a leaf or payload that was refused and not reprocessed yet, or a path that no entry of the map names, with a sample',
      `event_no event_id data_source_id source_name company_id map_version reason path item_key sample leaves
       refused_at ignored document`,
    ),
    readers: ['edge', 'raw-sink'],
  },
  forDesk(
    'normalizer.map_trial_view',
    'a dry run of a map on stored documents: how far it is, and what the map would make of them',
    `trial_id data_source_id source_name version draft_id last actor state message report asked_at finished_at is_observed`,
  ),
  {
    name: 'normalizer.trial_observations_view',
    readers: ['analyzer'],
    row: 'what a trial of a map would send, for the analyzer to judge',
    columns: ['trial_id', 'finished_at', 'event_ids', 'observed_before', 'observed_after'],
  },
  forDesk(
    'analyzer.map_trial_news_view',
    'which news items a trial of a map would and would not make',
    'trial_id state news left_out message',
  ),
  forDesk(
    'scheduler.plan_view',
    'how a source is to run, where somebody has set it, and its pause',
    `data_source_id cron zone jitter_seconds window_from window_to catch_up max_attempts backoff_seconds may_overlap
     paused_at paused_until pause_reason revision`,
  ),
  forDesk(
    'scheduler.missed_view',
    'slots in a row that made no run, and why',
    'data_source_id from_slot to_slot slots reason',
  ),
  forDesk(
    'scheduler.incident_view',
    'an incident of a source, or of a company at it: down, stale, an expired identifier',
    'kind data_source_id company_id subject message opened_at resolved_at',
  ),
  forDesk(
    'normalizer.incident_view',
    'drift, a fault of a map, or a payload refused as a whole',
    'kind data_source_id company_id subject message policy event_no opened_at resolved_at',
  ),
  forDesk(
    'cli.handled_dead_letter',
    'a dead letter that an earlier version of `npx parma dlq` has handled',
    'topic partition offset written_at action reason event_id handled_at',
  ),
  {
    name: 'edge.map_draft',
    readers: ['normalizer'],
    row: 'a map that somebody gave, or that a handshake brought and that waits for a yes',
    columns: [
      ...['draft_id', 'data_source_id', 'origin', 'actor', 'at', 'content_hash', 'content', 'losses', 'state'],
      ...['settled_by', 'settled_at', 'version'],
    ],
  },
  {
    name: 'edge.open_letters_view',
    readers: ['cli'],
    row: 'how many dead letters of a service nobody has handled',
    columns: ['service', 'letters', 'oldest'],
  },
  forDesk(
    'analyzer.incident_text_view',
    'the last incident of a source or company of each kind, in words',
    'kind data_source_id company_id subject message opened_at resolved_at',
  ),
  forDesk(
    'analyzer.suspect_run_view',
    'a run that looks like what a broken source makes, and waits for an operator',
    'run_no data_source_id task_id message companies_alike companies_judged suspected_at held flagged',
  ),
]
