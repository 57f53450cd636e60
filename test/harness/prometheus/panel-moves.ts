import { falls, type Move, rises } from './moves.ts'

/** Of a panel that always has data, whatever happens. */
const steady: Move[] = []

const consumer = {
  Records: [rises('traffic')],
  'Time of a batch, 95 %': [rises('traffic')],
  'Records not processed': [rises('held')],
  'Age of the oldest of them': [rises('held')],
  'Repeated attempts': [rises('held')],
  'Members joined': [rises('rebalance')],
}
const producer = {
  Records: [rises('traffic')],
  'Time until they are acknowledged, 95 %': [rises('traffic')],
  Buffer: steady,
}
const postgres = { 'Time until there is a connection, 95 %': steady, Connections: steady }
const process = { Processor: steady, Memory: steady, 'Event loop waits, 99 %': steady, Ready: steady }

/** By which events each panel of each board moves. */
export const panelMoves: Record<string, Record<string, Move[]>> = {
  'parma-pipeline': {
    'Payloads received': [rises('traffic'), rises('refusal', { status: '422' })],
    'Records processed': [rises('traffic', { service: 'notifier' })],
    'Time since receipt, 95 %': ['kept', 'stored', 'judged', 'planned', 'sent'].map((step) =>
      rises('traffic', { step }),
    ),
    'Time since receipt, half': ['kept', 'stored', 'judged', 'planned', 'sent'].map((step) =>
      rises('traffic', { step }),
    ),
    'Errors of the edge': [rises('kafkaAway')],
    'Dead letters': ['raw-sink', 'normalizer', 'analyzer', 'notifier'].map((service) =>
      rises('deadLetters', { service }),
    ),
    'Dead letters by reason': [rises('deadLetters', { reason: 'wrong-magic-byte' })],
    'Open dead letters': [
      rises('deadLetters', { group: 'normalizer' }),
      falls('lettersDropped', { group: 'normalizer' }),
    ],
    'Repeated attempts': ['raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler'].map((service) =>
      rises('held', { service }),
    ),
    'Payloads refused': [rises('refusal', { reason: 'unknown-company' })],
    'Parked destinations': [rises('parked', { channel: 'EMAIL' }), falls('unparked', { channel: 'EMAIL' })],
    'Records not processed': [rises('held', { service: 'notifier' })],
    'Age of the oldest of them': [rises('held', { service: 'notifier' })],
    'Records that groups have not committed': [rises('held', { group: 'notifier' })],
    'Age of the oldest record not committed': [rises('held', { group: 'notifier' })],
    'Partitions that rest': [rises('brake', { service: 'analyzer' })],
    'Payloads that wait for a broker': [rises('kafkaAway')],
    'Age of the oldest due message': [rises('mailHangs', { channel: 'EMAIL' })],
    'Due messages': [rises('mailHangs', { channel: 'EMAIL' })],
    'Processes that are ready': [falls('brake', { service: 'analyzer' })],
    'Members of groups': [falls('stopped', { group: 'scheduler' })],
    'Brokers answer the edge': [falls('kafkaAway')],
    Versions: steady,
    'Figures that could be read': [falls('unreadable', { query: 'refusals' })],
  },
  'parma-insight': {
    'News items by kind': [rises('traffic', { kind: 'changed' })],
    'Silent ones': [rises('history')],
    'News items of 1,000 values': [rises('traffic')],
    'Runs held as suspect': [rises('suspect')],
    'Feeds without forecasts': [rises('held')],
    'Leaves by outcome': ['stored', 'null', 'unmapped', 'refused'].map((outcome) => rises('traffic', { outcome })),
    'Refused and unmapped': [rises('traffic', { outcome: 'refused' }), rises('traffic', { outcome: 'unmapped' })],
    'Open refusals': [rises('refusal', { reason: 'unknown-company' })],
    'Payloads refused as a whole': [rises('refusal', { reason: 'unknown-company' })],
  },
  'parma-sources': {
    Up: [falls('sourceDown', { source: 'panels' })],
    'Since the last run that was a success': [
      rises('traffic', { source: 'panels' }),
      falls('run', { source: 'panels' }),
    ],
    'Open incidents': [rises('sourceDown', { kind: 'source-down' }), rises('stale', { kind: 'stale' })],
    Down: [rises('sourceDown')],
    'Runs that ended': [rises('run', { outcome: 'ok' })],
    'Attempts that started': [rises('run')],
    'Attempts given up': [rises('sourceDown', { status: 'FAILED' })],
    'Runs under way': [rises('run')],
  },
  'parma-edge': {
    Responses: [rises('traffic', { status: '201' }), rises('refusal', { status: '401' })],
    'Time to respond, 95 %': [rises('traffic')],
    'Payloads in batches': [rises('traffic', { status: '201' })],
    'Payloads that wait for a broker': [rises('kafkaAway')],
    'A broker answers': [falls('kafkaAway')],
    ...{ ...producer, ...postgres, ...process, Buffer: [rises('kafkaAway')] },
  },
  'parma-raw-sink': { ...consumer, ...process },
  'parma-normalizer': {
    Payloads: [rises('traffic', { reason: 'none' }), rises('refusal', { reason: 'unknown-company' })],
    Leaves: [rises('traffic', { outcome: 'stored' })],
    ...{ ...consumer, ...producer, ...postgres, ...process },
  },
  'parma-analyzer': {
    'Values judged': [rises('traffic')],
    'News items': [rises('traffic', { kind: 'changed', silent: 'false' })],
    'Series forecast': [rises('traffic')],
    ...{ ...consumer, ...producer, ...postgres, ...process, Ready: [falls('brake')] },
  },
  'parma-notifier': {
    Attempts: [rises('traffic', { channel: 'EMAIL', answer: 'sent' }), rises('mailPutOff', { answer: 'retry' })],
    'Time until a message is sent, 95 %': [rises('traffic', { channel: 'EMAIL' })],
    Digests: [rises('digest', { outcome: 'made' })],
    ...{ ...consumer, ...postgres, ...process },
  },
  'parma-scheduler': {
    'Attempts that started': [rises('run')],
    'Runs under way': [rises('run')],
    'Runs that ended': [rises('run', { outcome: 'ok' })],
    'Attempts given up': [rises('sourceDown', { status: 'FAILED' })],
    'Time of a round, 95 %': [rises('traffic')],
    ...{ ...consumer, ...postgres, ...process },
  },
}
