import { type Board, growth, panel, quantile, rate } from './board.ts'

const feeds = 'route=~"/feed-raw-data|/api/v1/payloads"'

/** From a payload to its message, over all services. */
export const pipeline: Board = {
  uid: 'parma-pipeline',
  title: 'parma: pipeline',
  says: 'From a payload to its message: how much, how fast, what fails, and how much waits.',
  rows: [
    {
      title: 'How much and how fast',
      panels: [
        panel(
          'Payloads received',
          'reqps',
          rate(`parma_http_answers_total{${feeds}}`, 'route, status'),
          '{{route}} {{status}}',
        ),
        panel(
          'Records processed',
          'reqps',
          rate('parma_messages_consumed_total', 'service, topic'),
          '{{service}} {{topic}}',
        ),
        panel(
          'Time since receipt, 95 %',
          's',
          quantile(0.95, 'parma_step_seconds', 'step'),
          '{{step}}',
          'How long after its receipt a payload was kept, stored, judged, planned as a message, and sent.',
        ),
        panel('Time since receipt, half', 's', quantile(0.5, 'parma_step_seconds', 'step'), '{{step}}'),
      ],
    },
    {
      title: 'What fails',
      panels: [
        panel(
          'Errors of the edge',
          'percentunit',
          '1 - sum(rate(parma_http_answers_total{status!~"5.."}[$__rate_interval])) / sum(rate(parma_http_answers_total[$__rate_interval]))',
          'share of responses',
        ),
        panel(
          'Dead letters',
          'short',
          growth('parma_messages_consumed_total{outcome="dead"}', 'service, topic'),
          '{{service}} {{topic}}',
        ),
        panel(
          'Dead letters by reason',
          'short',
          'sum by (service, reason) (parma_dead_letters_total)',
          '{{service}}: {{reason}}',
          'Since the processes started. Without data there was none.',
        ),
        panel('Open dead letters', 'short', 'max by (group) (parma_open_dead_letters)', '{{group}}'),
        panel('Repeated attempts', 'reqps', rate('parma_retries_total', 'service, topic'), '{{service}} {{topic}}'),
        panel(
          'Payloads refused',
          'reqps',
          rate('parma_normalizer_payloads_total{reason!="none"}', 'reason'),
          '{{reason}}',
        ),
        panel('Parked destinations', 'short', 'max by (channel) (parma_parked_destinations)', '{{channel}}'),
      ],
    },
    {
      title: 'What waits',
      panels: [
        panel(
          'Records not processed',
          'short',
          'sum by (service, topic) (parma_consumer_lag_records)',
          '{{service}} {{topic}}',
        ),
        panel(
          'Age of the oldest of them',
          's',
          'max by (service, topic) (parma_consumer_lag_seconds)',
          '{{service}} {{topic}}',
        ),
        panel(
          'Records that groups have not committed',
          'short',
          'max by (group) (parma_group_lag_records)',
          '{{group}}',
          'As the broker says, also while no process of the service runs.',
        ),
        panel(
          'Age of the oldest record not committed',
          's',
          'max by (group) (parma_group_waiting_seconds)',
          '{{group}}',
          'At least, in coarse steps. As the broker says, also while no process of the service runs.',
        ),
        panel(
          'Partitions that rest',
          'short',
          'sum by (service, topic) (parma_partition_paused)',
          '{{service}} {{topic}}',
        ),
        panel('Payloads that wait for a broker', 'short', 'sum by (pod) (parma_edge_feeds_waiting)', '{{pod}}'),
        panel(
          'Age of the oldest due message',
          's',
          'max by (channel) (parma_oldest_pending_message_seconds)',
          '{{channel}}',
        ),
        panel('Due messages', 'short', 'max by (channel) (parma_pending_messages)', '{{channel}}'),
      ],
    },
    {
      title: 'What runs',
      panels: [
        panel('Processes that are ready', 'short', 'sum by (service) (parma_ready)', '{{service}}'),
        panel('Members of groups', 'short', 'max by (group) (parma_group_members)', '{{group}}'),
        panel('Brokers answer the edge', 'short', 'min by (pod) (parma_edge_broker_reachable)', '{{pod}}'),
        panel('Versions', 'short', 'count by (service, version) (parma_build_info)', '{{service}} {{version}}'),
        panel('Figures that could be read', 'short', 'min by (query) (parma_exporter_query_ok)', '{{query}}'),
      ],
    },
  ],
}
