import { escapeLines } from '#runtime/commands/terminal.ts'
import type { StackEnv } from './stack-env.ts'
import type { Mail } from './stand-ins/render-mail.ts'

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

type LatestNews = {
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

/** What is still on its way between the module and the person, or went wrong; empty when everything has arrived. */
export function listBroken({ services, sources, pipeline, latest }: DemoStatus): string[] {
  const broken: string[] = []
  for (const { service, state, detail, lag } of services) {
    if (state !== 'ready') broken.push(`${service} is ${state} (${detail})`)
    if (lag !== 0 && service !== 'edge') broken.push(`${service} is ${lag ?? 'an unknown number of'} records behind`)
  }
  const run = sources[0]?.last_run
  if (run?.status !== 'SUCCESS') broken.push(`the module's run is ${run?.status ?? 'not planned'}`)
  const { fed, normalized, refused, judged, dead_letters, messages } = pipeline
  if (fed === 0) broken.push('no payload has arrived')
  if (normalized + refused !== fed)
    broken.push(`${fed} payloads arrived, ${normalized} were understood, ${refused} refused`)
  if (judged !== normalized) broken.push(`${normalized} payloads were understood, ${judged} judged`)
  if (dead_letters > 0) broken.push(`${dead_letters} dead letters: see the topics that end in .dlq`)
  const open = Object.entries(messages).filter(([state]) => state === 'pending' || state === 'sending')
  if (open.length > 0) broken.push(`messages on their way: ${open.map(([state, n]) => `${n} ${state}`).join(', ')}`)
  if (!latest) broken.push('no message has been delivered')
  return broken
}

/** Links for whoever runs the demo. `why`: the page of the newest alert, as its reader got it; null: there is none. */
export type DemoLinks = { why: string | null; signIn: string }

/** What came out, and where to look; fits a terminal of 80 columns, but for addresses. */
export function renderReport(status: DemoStatus, env: StackEnv, links: DemoLinks): string {
  const { pipeline, latest } = status
  const { EDGE_URL, MAILBOX_URL, SLACK_OUTBOX_URL } = env
  const { fed, normalized, refused, judged, values, refused_values, news, silent_news, messages } = pipeline
  const parts = [
    section('Results', {
      payloads: `${fed} fed, ${normalized} understood, ${refused} refused, ${judged} judged`,
      values: `${Object.values(values).reduce((sum, n) => sum + n, 0)}: ${listCounts(values)}`,
      refused: `${refused_values} values`,
      news: `${news}, and ${silent_news} silent (history)`,
      messages: listCounts(messages),
    }),
    ...(latest ? describeLatest(latest) : []),
    section('Sign in as the investor, once, within 15 minutes', {
      'the console': links.signIn,
      later: 'npx parma people link "Demo Investor"',
    }),
    section('Open in a browser', {
      ...(links.why && { 'why this alert': links.why }),
      mails: MAILBOX_URL,
      'Slack posts': SLACK_OUTBOX_URL,
      'the API': `${EDGE_URL}/docs`,
    }),
    section('Everything keeps running', {
      'npx parma status': 'shows how far it is',
      'npx parma --help': 'lists all commands',
      'make logs': 'follows the logs',
      'make down': 'stops it; the data stays',
    }),
  ]
  return escapeLines(parts.map((part) => `\n${part}\n`).join(''))
}

function describeLatest(news: LatestNews): string[] {
  const tookMs = Date.parse(news.sent_at) - Date.parse(news.received_at)
  const alert = [
    `Newest alert, sent ${(tookMs / 1000).toFixed(2)} s after its payload arrived`,
    ...wrap(news.title),
    ...wrap(news.message),
    ...wrap(`${news.measurement} of ${news.company}: ${news.previous} → ${news.current}`),
  ]
  const trace = section('Traced back to its raw document', {
    'news item': news.news_id,
    value: `at ${news.path}, by version ${news.map_version} of the map`,
    payload: `${news.event_id}, task ${news.task_id ?? '-'}`,
    Firestore: news.document,
  })
  return [alert.join('\n'), trace]
}

/** The link to the page that explains a news item, as its reader got it. */
export function findWhyLink(mails: Pick<Mail, 'text'>[], newsId: string): string | null {
  const link = new RegExp(`https?://\\S+/why/${newsId}\\S*`)
  for (const { text } of mails) {
    const found = link.exec(text)?.[0]
    if (found) return found
  }
  return null
}

function section(title: string, rows: Record<string, string | undefined>): string {
  const width = Math.max(...Object.keys(rows).map((name) => name.length)) + 2
  const lines = Object.entries(rows).map(([name, value]) => `  ${name.padEnd(width)}${value}`)
  return [title, ...lines].join('\n')
}

function listCounts(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ')
}

const lineLength = 78

/** Lines of whole words, indented. A longer word is a line of its own. */
function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= lineLength) lines[lines.length - 1] = longer
    else lines.push(`  ${word}`)
  }
  return lines
}
