import { type Board, growth, narrow, panel, type Panel, quantile, rate } from './board.ts'

/** What it has of its own, and parts; a producer only where it sends records all the time. */
type Service = { name: string; says: string; has: ('consumer' | 'producer' | 'postgres')[]; own: Panel[] }

const services: Service[] = [
  {
    name: 'edge',
    says: 'HTTP in: payloads, the desk, the read API.',
    has: ['producer', 'postgres'],
    own: [
      panel('Responses', 'reqps', rate('parma_http_answers_total', 'route, status'), '{{route}} {{status}}'),
      panel('Time to respond, 95 %', 's', quantile(0.95, 'parma_http_duration_seconds', 'route'), '{{route}}'),
      panel('Payloads in batches', 'reqps', rate('parma_edge_batch_payloads_total', 'status'), '{{status}}'),
      panel('Payloads that wait for a broker', 'short', 'parma_edge_feeds_waiting', '{{pod}}'),
      panel('A broker answers', 'short', 'parma_edge_broker_reachable', '{{pod}}'),
    ],
  },
  { name: 'raw-sink', says: 'Payloads and maps to Firestore.', has: ['consumer'], own: [] },
  {
    name: 'normalizer',
    says: 'Payloads to values.',
    has: ['consumer', 'producer', 'postgres'],
    own: [
      panel('Payloads', 'reqps', rate('parma_normalizer_payloads_total', 'reason'), '{{reason}}'),
      panel('Leaves', 'reqps', rate('parma_normalizer_leaves_total', 'outcome'), '{{outcome}}'),
    ],
  },
  {
    name: 'analyzer',
    says: 'Values to news items.',
    has: ['consumer', 'producer', 'postgres'],
    own: [
      panel('Values judged', 'reqps', rate('parma_analyzer_values_judged_total', 'pod'), '{{pod}}'),
      panel('News items', 'reqps', rate('parma_analyzer_news_total', 'kind, silent'), '{{kind}} silent={{silent}}'),
      panel('Series forecast', 'reqps', rate('parma_analyzer_series_forecast_total', 'pod'), '{{pod}}'),
    ],
  },
  {
    name: 'notifier',
    says: 'News items to messages.',
    has: ['consumer', 'postgres'],
    own: [
      panel('Attempts', 'reqps', rate('parma_delivery_attempts_total', 'channel, answer'), '{{channel}} {{answer}}'),
      panel(
        'Time until a message is sent, 95 %',
        's',
        quantile(0.95, 'parma_delivery_delay_seconds', 'channel'),
        '{{channel}}',
      ),
      panel('Digests', 'short', growth('parma_digests_total', 'outcome'), '{{outcome}}'),
    ],
  },
  {
    name: 'scheduler',
    says: 'Runs of mining modules.',
    has: ['consumer', 'postgres'],
    own: [
      panel('Attempts that started', 'reqps', rate('parma_scheduler_attempts_total', 'pod'), '{{pod}}'),
      panel('Runs under way', 'short', 'parma_scheduler_runs', '{{pod}}'),
      panel('Runs that ended', 'short', growth('parma_scheduler_runs_settled_total', 'outcome'), '{{outcome}}'),
      panel('Attempts given up', 'short', growth('parma_scheduler_attempts_given_up_total', 'status'), '{{status}}'),
      panel('Time of a round, 95 %', 's', quantile(0.95, 'parma_scheduler_tick_seconds', ''), 'round'),
    ],
  },
]

const process = [
  panel('Processor', 'percentunit', 'rate(process_cpu_seconds_total[$__rate_interval])', '{{pod}}', '1 is one core.'),
  panel('Memory', 'bytes', 'process_resident_memory_bytes', '{{pod}}'),
  panel('Event loop waits, 99 %', 's', 'nodejs_eventloop_lag_p99_seconds', '{{pod}}'),
  panel('Ready', 'short', 'parma_ready', '{{pod}}'),
]

const parts: Record<Service['has'][number], { title: string; panels: Panel[] }> = {
  consumer: {
    title: 'Consumer',
    panels: [
      panel('Records', 'reqps', rate('parma_messages_consumed_total', 'topic, outcome'), '{{topic}} {{outcome}}'),
      panel('Time of a batch, 95 %', 's', quantile(0.95, 'parma_batch_duration_seconds', 'topic'), '{{topic}}'),
      panel(
        'Records not processed',
        'short',
        'sum by (topic, partition) (parma_consumer_lag_records)',
        '{{topic}} {{partition}}',
      ),
      panel('Age of the oldest of them', 's', 'max by (topic) (parma_consumer_lag_seconds)', '{{topic}}'),
      panel('Repeated attempts', 'reqps', rate('parma_retries_total', 'topic'), '{{topic}}'),
      panel(
        'Members joined',
        'short',
        growth('parma_group_joins_total', 'pod', '5m'),
        '{{pod}}',
        'Each rebalance stops all partitions of the group.',
      ),
    ],
  },
  producer: {
    title: 'Producer',
    panels: [
      panel('Records', 'reqps', rate('parma_messages_produced_total', 'topic'), '{{topic}}'),
      panel(
        'Time until they are acknowledged, 95 %',
        's',
        quantile(0.95, 'parma_produce_duration_seconds', ''),
        'send',
      ),
      panel(
        'Buffer',
        'percentunit',
        'parma_produce_buffer_bytes / parma_produce_buffer_limit_bytes',
        '{{pod}}',
        'Above 1, new records are rejected.',
      ),
    ],
  },
  postgres: {
    title: 'Postgres',
    panels: [
      panel(
        'Time until there is a connection, 95 %',
        's',
        quantile(0.95, 'parma_database_pool_wait_seconds', ''),
        'wait',
      ),
      panel('Connections', 'short', 'sum by (state) (parma_database_connections)', '{{state}}'),
    ],
  },
}

/** One board for each service. */
export const serviceBoards: Board[] = services.map(({ name, says, has, own }) => ({
  ...{ uid: `parma-${name}`, title: `parma: ${name}`, says },
  rows: [
    ...(own.length > 0 ? [{ title: name, panels: own }] : []),
    ...has.map((part) => parts[part]),
    { title: 'Process', panels: process },
  ].map((row) => ({ ...row, panels: row.panels.map((one) => ofService(one, name)) })),
}))

/** The panel with every metric in it narrowed to the service. */
function ofService({ queries, ...rest }: Panel, service: string): Panel {
  const narrowed = queries.map(({ expr, legend }) => ({ expr: narrow(expr, `service="${service}"`), legend }))
  return { ...rest, queries: narrowed }
}
