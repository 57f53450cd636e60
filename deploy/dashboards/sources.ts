import { type Board, growth, panel } from './board.ts'

/** How sources do. */
export const sources: Board = {
  uid: 'parma-sources',
  title: 'parma: sources',
  says: 'Which sources are down or stale, and how their runs end.',
  rows: [
    {
      title: 'Sources',
      panels: [
        panel('Up', 'short', 'min by (source) (parma_source_up)', '{{source}}'),
        panel(
          'Since the last run that was a success',
          's',
          'time() - max by (source) (parma_source_last_ok_timestamp_seconds)',
          '{{source}}',
        ),
        panel('Open incidents', 'short', 'max by (kind) (parma_open_incidents)', '{{kind}}'),
        panel('Down', 'short', 'sum(1 - min by (source) (parma_source_up))', 'sources'),
      ],
    },
    {
      title: 'Runs',
      panels: [
        panel('Runs that ended', 'short', growth('parma_scheduler_runs_settled_total', 'outcome'), '{{outcome}}'),
        panel('Attempts that started', 'short', 'sum(increase(parma_scheduler_attempts_total[1h]))', 'attempts'),
        panel('Attempts given up', 'short', growth('parma_scheduler_attempts_given_up_total', 'status'), '{{status}}'),
        panel('Runs under way', 'short', 'sum(parma_scheduler_runs)', 'runs'),
      ],
    },
  ],
}
