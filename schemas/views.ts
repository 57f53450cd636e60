import type { Consumer } from './topics.ts'

type Service = Consumer | 'edge' | 'cli'

/** A view or table in a service's Postgres schema that other services may read: its columns change only by addition. */
export type SharedView = {
  /** `<schema of its owner>.<name>` */
  name: string
  readers: readonly Service[]
  /** What a row is. */
  row: string
}

/** All that services may read of each other's Postgres schemas. `public` belongs to parma-web and is not listed. */
export const sharedViews: readonly SharedView[] = [
  {
    name: 'normalizer.value',
    readers: ['analyzer', 'notifier', 'edge', 'cli'],
    row: 'an understood value, the canonical fact',
  },
  {
    name: 'normalizer.value_lineage',
    readers: ['edge'],
    row: 'a value with its event, map version, raw document, task and module',
  },
  {
    name: 'normalizer.lineage',
    readers: ['analyzer', 'edge', 'raw-sink', 'cli'],
    row: 'a payload or a replay of it: its event, raw document, map version, task, subject, empty lists and counts of leaves',
  },
  {
    name: 'normalizer.open_refusal',
    readers: ['raw-sink'],
    row: 'leaves that were refused or not named by the map, and that have not been reprocessed yet: a re-drive can fix them',
  },
  { name: 'normalizer.event_status', readers: [], row: 'a payload: whether it was understood, when, and why not' },
  { name: 'analyzer.news', readers: ['cli'], row: 'a news item' },
  { name: 'analyzer.news_why', readers: ['edge'], row: 'a news item with the rule that made it, as it was then' },
  {
    name: 'analyzer.series_view',
    readers: ['edge'],
    row: 'a series: its last value, and how the detectors judge it',
  },
  { name: 'analyzer.event_status', readers: ['edge', 'cli'], row: 'a payload: whether it was judged, and when' },
  {
    name: 'notifier.event_status',
    readers: ['edge', 'cli'],
    row: 'a payload that made news items: how far their messages have come, and why they stopped',
  },
  {
    name: 'notifier.delivery_status',
    readers: ['cli'],
    row: 'a delivery and the event it reports, without names and addresses',
  },
  { name: 'cli.feed_hold', readers: ['edge'], row: 'the time until which edges let modules wait' },
  { name: 'edge.process', readers: ['cli'], row: 'an edge that runs, and whether it lets modules wait' },
  {
    name: 'edge.source_bytes',
    readers: ['scheduler'],
    row: 'the bytes of a source on a day (UTC), and when operators were told that they are used up',
  },
  {
    name: 'scheduler.event_status',
    readers: ['edge', 'cli'],
    row: 'an event that was counted for a run or took effect on a task',
  },
]
