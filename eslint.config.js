import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'

const services = readdirSync(new URL('services', import.meta.url)).filter((name) => name !== 'runtime')

/**
 * Which room of a service may import which. A room may also import itself, `#runtime/*`, `#schemas/*` and the
 * configuration at the service's root. Files at the root may import any room.
 */
const rooms = {
  runtime: {
    text: [],
    erase: [],
    read: ['text'],
    understand: ['read', 'text'],
    module: ['postgres', 'read', 'text'],
    plan: ['text'],
    calls: [],
    process: ['observe', 'calls', 'web'],
    web: [],
    observe: [],
    kafkajs: [],
    kafka: ['kafkajs', 'observe', 'process', 'calls', 'text'],
    recovery: ['outbox', 'process', 'calls'],
    offsets: ['recovery', 'kafka', 'process', 'calls', 'text'],
    consume: ['recovery', 'offsets', 'observe', 'outbox', 'kafka', 'process', 'calls', 'erase'],
    outbox: ['kafka', 'postgres', 'process', 'calls', 'text'],
    postgres: ['observe', 'process', 'calls', 'text'],
    firestore: ['process'],
    chart: ['process', 'web', 'calls', 'text'],
    changes: ['consume', 'postgres', 'calls', 'text'],
    commands: ['postgres', 'process', 'calls', 'text'],
  },
  edge: {
    http: [],
    design: ['http'],
    access: ['http'],
    publish: ['http'],
    server: ['access', 'design', 'http'],
    session: ['changes', 'server', 'access', 'design', 'http'],
    catalog: ['server', 'http'],
    changes: ['publish', 'server', 'access', 'design', 'http'],
    growth: [],
    trace: ['growth', 'publish', 'server', 'access', 'design', 'http'],
    'rule-trial': ['changes', 'growth', 'design', 'access', 'http'],
    'company-pages': ['rule-trial', 'console', 'changes', 'ask', 'growth', 'design', 'server', 'access', 'http'],
    replays: ['console', 'changes', 'ask', 'design', 'server', 'access', 'http'],
    exporter: [],
    now: ['ask', 'design', 'server', 'access', 'http'],
    'source-pages': [
      'batch',
      'company-pages',
      'console',
      'changes',
      'ask',
      'growth',
      'design',
      'server',
      'access',
      'http',
    ],
    ask: ['growth', 'trace', 'server', 'access', 'http'],
    report: ['ask', 'growth', 'server', 'access', 'design', 'http'],
    atom: ['ask', 'server', 'access', 'http'],
    audience: ['ask', 'trace', 'server', 'access', 'design', 'http'],
    me: ['console', 'atom', 'audience', 'report', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    console: ['session', 'changes', 'ask', 'trace', 'server', 'access', 'design', 'http'],
    maps: ['publish', 'server', 'access', 'http'],
    'map-desk': ['maps', 'console', 'changes', 'publish', 'server', 'access', 'design', 'http'],
    'add-source': ['handshake', 'catalog', 'console', 'changes', 'ask', 'design', 'server', 'access', 'http'],
    handshake: ['maps', 'catalog', 'publish', 'server', 'access', 'http'],
    deliveries: ['console', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    people: ['deliveries', 'audience', 'console', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    rules: ['console', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    keys: ['console', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    audit: ['console', 'ask', 'server', 'access', 'design', 'http'],
    corrections: ['console', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    'event-page': ['console', 'trace', 'ask', 'server', 'access', 'design', 'http'],
    letters: ['ask', 'publish', 'server', 'access', 'http'],
    'letter-pages': ['letters', 'console', 'changes', 'ask', 'publish', 'server', 'access', 'design', 'http'],
    refusals: ['console', 'changes', 'ask', 'server', 'access', 'design', 'http'],
    intake: ['catalog', 'publish', 'server', 'access', 'design', 'http'],
    batch: ['intake', 'trace', 'publish', 'server', 'access', 'http'],
    commands: ['handshake', 'ask', 'growth', 'trace', 'session', 'catalog', 'access', 'http'],
  },
  normalizer: {
    ledger: [],
    series: [],
    incidents: [],
    store: ['incidents', 'series', 'ledger'],
    trial: ['store', 'series', 'ledger'],
    'map-trial': ['trial'],
    replay: ['map-trial', 'store', 'incidents', 'series', 'ledger'],
    commands: ['incidents', 'replay'],
  },
  cli: { retention: [], erase: [], adopt: [], backup: [] },
  scheduler: {
    inbox: [],
    recording: [],
    judge: ['recording'],
    check: ['judge', 'recording'],
  },
  analyzer: {
    telemetry: [],
    signals: ['telemetry'],
    values: ['signals'],
    rules: ['values'],
    detect: ['rules', 'signals', 'values'],
    judge: ['detect', 'rules', 'signals', 'values'],
    meaning: ['detect', 'judge', 'values'],
    words: ['meaning', 'judge', 'detect', 'rules', 'values'],
    suspect: ['values'],
    forecast: ['suspect', 'values'],
    rhythm: ['suspect', 'values'],
    watch: ['suspect', 'judge', 'detect', 'rules', 'values'],
    store: ['watch', 'suspect', 'words', 'meaning', 'judge', 'detect', 'rhythm', 'rules', 'signals', 'values'],
    runs: ['store', 'suspect', 'words', 'meaning', 'judge', 'detect', 'rhythm', 'values'],
    backtest: ['store', 'suspect', 'words', 'meaning', 'judge', 'detect', 'rules', 'values'],
    parallel: ['backtest'],
    trial: ['backtest', 'store'],
    'rule-trial': ['backtest', 'suspect', 'meaning', 'rules', 'words', 'values'],
    commands: ['parallel', 'backtest', 'signals', 'forecast', 'detect', 'rules', 'values'],
  },
  notifier: {
    message: [],
    charts: ['message'],
    render: ['message'],
    secrets: [],
    channels: ['secrets', 'render', 'message', 'charts'],
    people: ['channels', 'message'],
    told: ['message'],
    delivery: ['told', 'people', 'channels', 'secrets', 'message'],
    digests: ['delivery', 'people', 'channels', 'render', 'message', 'charts'],
    plan: ['told', 'delivery', 'people'],
    alerts: ['plan', 'delivery', 'people', 'channels', 'message', 'charts'],
    operate: ['told', 'delivery', 'people', 'channels', 'secrets', 'message'],
    changes: ['operate', 'plan', 'digests', 'delivery', 'people', 'channels', 'message'],
    rehearsal: ['plan', 'people', 'message'],
    inbox: ['digests', 'people'],
    commands: [
      'operate',
      'changes',
      'plan',
      'digests',
      'delivery',
      'people',
      'channels',
      'secrets',
      'render',
      'message',
    ],
  },
}
const otherRooms = (service, room) => {
  const closed = Object.keys(rooms[service]).filter((name) => name !== room && !rooms[service][room].includes(name))
  const message = `${service}/${room} may import ${rooms[service][room].join(', ') || 'no other room'}: pass the thing in, or move it to a room that may (table in eslint.config.js).`
  return closed.length > 0 ? [{ group: closed.map((name) => `../${name}/**`), message }] : []
}
const kafkajs = {
  name: 'kafkajs',
  message: 'Only services/runtime/kafka, kafkajs, offsets and consume know the client library: call theirs.',
}
const behindTheDoor = {
  group: ['#runtime/kafka/produce.ts', '#runtime/kafka/topic-table.ts', '#runtime/consume/consume.ts'],
  message:
    'openKafka or openPublisher of #runtime/open-kafka.ts gives what services call: publish, consume, readTable.',
}
const environment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Read the environment only in config.ts, through readEnv of #runtime/config.ts, and pass the values on.',
}
const clock = {
  selector:
    "BinaryExpression[operator=/^([-+]|[<>]=?)$/] > CallExpression[callee.object.name='Date'][callee.property.name='now']",
  message:
    'Measure durations and deadlines with performance.now(): the clock may be set. Where its time is meant, name the file in eslint.config.js.',
}
const otherServices = (own) => ({
  group: services
    .filter((name) => name !== own)
    .flatMap((name) => [`**/services/${name}/**`, `../${name}/**`, `../../${name}/**`]),
  message:
    'A service never imports another service: share through a topic, through Postgres, or move the code to services/runtime.',
})

export default tseslint.config(
  { ignores: ['node_modules', '.local', '.cache', 'schemas/generated'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['services/**/*.ts', 'schemas/**/*.ts', 'deploy/**/*.ts'],
    ignores: ['**/config.ts', '**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', environment, clock] },
  },
  {
    // They calculate with times of the clock: of records, files, tokens, tables and responses.
    files: [
      'services/edge/access/api-keys.ts',
      'services/edge/server/{counters,limits}.ts',
      'services/miner-npm/{app,packages}.ts',
      'services/runtime/observe/steps.ts',
      'services/runtime/offsets/lag-metric.ts',
      'deploy/local/stand-ins/slack-api.ts',
    ],
    rules: { 'no-restricted-syntax': ['error', environment] },
  },
  {
    files: ['services/**/*.ts', 'schemas/**/*.ts'],
    ignores: ['services/runtime/{kafka,kafkajs,offsets,consume}/**', '**/*.test.ts'],
    // Not the rule of the same name below: of one rule the last entry that fits a file replaces all others.
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [kafkajs] }] },
  },
  {
    files: ['services/**/*.ts'],
    // `parma dlq replay` sends the bytes of a dead letter as they are, which nobody else may.
    ignores: ['services/runtime/**', 'services/edge/letters/**', '**/*.test.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [kafkajs], patterns: [behindTheDoor] }] },
  },
  ...services.map((name) => ({
    files: [`services/${name}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: [otherServices(name)] }] },
  })),
  {
    files: ['services/runtime/**/*.ts', 'schemas/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [otherServices('')] }] },
  },
  ...Object.keys(rooms).flatMap((service) =>
    Object.keys(rooms[service]).map((room) => ({
      files: [`services/${service}/${room}/**/*.ts`],
      rules: {
        'no-restricted-imports': [
          'error',
          { patterns: [otherServices(service === 'runtime' ? '' : service), ...otherRooms(service, room)] },
        ],
      },
    })),
  ),
)
