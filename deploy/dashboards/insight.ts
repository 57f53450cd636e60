import { type Board, growth, panel, rate } from './board.ts'

/** How good what people are told is. */
export const insight: Board = {
  uid: 'parma-insight',
  title: 'parma: insight quality',
  says: 'What becomes of values, what is told, and what cannot be understood.',
  rows: [
    {
      title: 'What is told',
      panels: [
        panel('News items by kind', 'short', growth('parma_analyzer_news_total', 'kind'), '{{kind}}'),
        panel(
          'Silent ones',
          'percentunit',
          'sum(parma_analyzer_news_total{silent="true"}) / sum(parma_analyzer_news_total)',
          'share that nobody is told',
          'History, replays and what rules keep quiet, since the processes started.',
        ),
        panel(
          'News items of 1,000 values',
          'short',
          '1000 * sum(increase(parma_analyzer_news_total[1h])) / sum(increase(parma_analyzer_values_judged_total[1h]))',
          'news items',
        ),
        panel(
          'Runs held as suspect',
          'short',
          'sum(increase(parma_analyzer_runs_held_total[1d]))',
          'runs',
          'Many companies of a run looked alike.',
        ),
        panel('Feeds without forecasts', 'short', 'max(parma_analyzer_feeds_without_forecasts)', 'feeds'),
      ],
    },
    {
      title: 'What is understood',
      panels: [
        panel('Leaves by outcome', 'reqps', rate('parma_normalizer_leaves_total', 'outcome'), '{{outcome}}'),
        panel(
          'Refused and unmapped',
          'percentunit',
          'sum by (outcome) (increase(parma_normalizer_leaves_total{outcome=~"refused|unmapped"}[1h])) / ignoring (outcome) group_left sum(increase(parma_normalizer_leaves_total[1h]))',
          '{{outcome}}',
        ),
        panel(
          'Open refusals',
          'short',
          'max by (reason) (parma_open_refusals)',
          '{{reason}}',
          'Leaves and payloads that could not be stored and have not been read again.',
        ),
        panel(
          'Payloads refused as a whole',
          'reqps',
          rate('parma_normalizer_payloads_total{reason!="none"}', 'reason'),
          '{{reason}}',
        ),
      ],
    },
  ],
}
