import type { StackEnv } from './stack-env.ts'

/** What `parma status --source <name> --json` prints, as far as the demo needs it. */
export type DemoStatus = {
  services: { service: string; state: string; detail: string; lag: number | null }[]
  sources: { source: string; last_run: { status: string; ended_at: string | null } | null }[]
  pipeline: {
    fed: number
    normalized: number
    refused: number
    judged: number
    dead_letters: number
    values: Record<string, number>
    refused_values: number
    news: number
    silent_news: number
    messages: Record<string, number>
  }
  latest: LatestNews | null
}

export type LatestNews = {
  news_id: string
  title: string
  message: string
  previous: string | null
  current: string | null
  company: string
  measurement: string
  path: string
  map_version: number
  task_id: number | null
  event_id: string
  document: string
  received_at: string
  sent_at: string
}

/** Every link between the module and the person that is not (yet) whole; empty when all has arrived. */
export function listBroken({ services, sources, pipeline, latest }: DemoStatus): string[] {
  const broken: string[] = []
  for (const { service, state, detail, lag } of services) {
    if (state !== 'ready') broken.push(`${service} is ${state} (${detail})`)
    if (lag !== 0 && service !== 'edge') broken.push(`${service} is ${lag ?? 'an unknown number of'} records behind`)
  }
  const run = sources[0]?.last_run
  if (run?.status !== 'SUCCESS') broken.push(`the module's run is ${run?.status ?? 'not planned'}`)
  const { fed, normalized, refused, judged, dead_letters, messages } = pipeline
  if (fed === 0) broken.push('no payload has come in')
  if (normalized + refused !== fed)
    broken.push(`${fed} payloads came in, ${normalized} were understood, ${refused} refused`)
  if (judged !== normalized) broken.push(`${normalized} payloads were understood, ${judged} judged`)
  if (dead_letters > 0) broken.push(`${dead_letters} dead letters: see the topics that end in .dlq`)
  const open = Object.entries(messages).filter(([state]) => state === 'pending' || state === 'sending')
  if (open.length > 0) broken.push(`messages on their way: ${open.map(([state, n]) => `${n} ${state}`).join(', ')}`)
  if (!latest) broken.push('no message has been delivered')
  return broken
}

export function renderReport(status: DemoStatus, { EDGE_URL, MAILBOX_URL, SLACK_OUTBOX_URL }: StackEnv): string {
  const { pipeline, latest } = status
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ')
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0)
  return [
    '',
    `  payloads   ${pipeline.fed} fed, ${pipeline.normalized} understood, ${pipeline.refused} refused, ${pipeline.judged} judged`,
    `  values     ${sum(pipeline.values)}: ${list(pipeline.values)}`,
    `  refused    ${pipeline.refused_values} values`,
    `  news       ${pipeline.news}, and ${pipeline.silent_news} kept silent (history)`,
    `  messages   ${list(pipeline.messages)}`,
    ...(latest ? renderLatest(latest) : []),
    '',
    '  Look further:',
    `    mails        ${MAILBOX_URL}`,
    `    Slack posts  ${SLACK_OUTBOX_URL}`,
    `    edge         ${EDGE_URL}`,
    '    npx parma status',
    '    npx parma --help',
    '',
  ].join('\n')
}

function renderLatest(news: LatestNews): string[] {
  const tookMs = Date.parse(news.sent_at) - Date.parse(news.received_at)
  return [
    '',
    `  Newest alert, ${(tookMs / 1000).toFixed(2)} s after its payload came in:`,
    `    ${news.title}`,
    `    ${news.message}`,
    `    ${news.measurement} of ${news.company}: ${news.previous} → ${news.current}`,
    '  and its way back:',
    `    news ${news.news_id} ← value at ${news.path}, map version ${news.map_version}`,
    `    ← payload ${news.event_id}, task ${news.task_id ?? '-'}`,
    `    ← Firestore ${news.document}`,
  ]
}
