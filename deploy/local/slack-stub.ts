// Answers the few methods of Slack's Web API that we call, as Slack does; keeps each post as one JSON line and shows
// all of them at GET /outbox. https://docs.slack.dev/reference/methods
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { openJournal } from './journal.ts'

const [journalFile = '', port] = process.argv.slice(2)

type Fields = Record<string, unknown>
export type Post = Fields & { channel: string; ts: string; text: string; metadata?: unknown }
type Answer = { ok: boolean; error?: string } & Fields

const posts = openJournal<Post>(journalFile)
const channelNames = new Map([['general', channelId('general')]])
for (const { channel_name, channel } of posts.all())
  if (typeof channel_name === 'string') channelNames.set(channel_name, channel)

const methods: Record<string, (fields: Fields) => Answer> = {
  'api.test': () => ({ ok: true }),
  'auth.test': () => ({
    ok: true,
    url: 'https://local.slack.com/',
    team: 'local',
    user: 'parma',
    team_id: 'T0LOCAL',
    user_id: 'U0PARMA',
    bot_id: 'B0PARMA',
  }),
  'chat.postMessage': postMessage,
  'conversations.list': () => ({
    ok: true,
    channels: [...channelNames].map(([name, id]) => ({ id, name, is_channel: true, is_member: true })),
    response_metadata: { next_cursor: '' },
  }),
  'conversations.history': listHistory,
}

function postMessage(fields: Fields): Answer {
  if (typeof fields.channel !== 'string' || fields.channel === '') return { ok: false, error: 'channel_not_found' }
  if (!fields.text && !fields.blocks && !fields.attachments) return { ok: false, error: 'no_text' }
  const isId = /^[CDGU][A-Z0-9]{5,}$/.test(fields.channel)
  const name = fields.channel.replace(/^#/, '')
  const channel = isId ? fields.channel : channelId(name)
  if (!isId) channelNames.set(name, channel)
  const post: Post = {
    ...fields,
    text: String(fields.text ?? ''),
    channel,
    ...(isId ? {} : { channel_name: name }),
    ts: nextTimestamp(),
  }
  posts.append(post)
  return { ok: true, channel, ts: post.ts, message: { ...asMessage(post), metadata: post.metadata } }
}

function listHistory({ channel, oldest = 0, latest, limit = 100, inclusive, include_all_metadata }: Fields): Answer {
  const isTrue = (value: unknown) => value === true || value === 'true' || value === '1'
  const after = (ts: number) => ts > Number(oldest) || (isTrue(inclusive) && ts === Number(oldest))
  const before = (ts: number) =>
    latest === undefined || ts < Number(latest) || (isTrue(inclusive) && ts === Number(latest))
  const found = posts
    .all()
    .filter((post) => post.channel === channel && after(Number(post.ts)) && before(Number(post.ts)))
  const newestFirst = found.toReversed()
  return {
    ok: true,
    messages: newestFirst
      .slice(0, Number(limit))
      .map((post) =>
        isTrue(include_all_metadata) ? { ...asMessage(post), metadata: post.metadata } : asMessage(post),
      ),
    has_more: newestFirst.length > Number(limit),
  }
}

function asMessage({ text, ts, blocks, attachments, thread_ts }: Post): Fields {
  return { type: 'message', user: 'U0PARMA', bot_id: 'B0PARMA', text, ts, blocks, attachments, thread_ts }
}

function channelId(name: string): string {
  return `C${createHash('sha256').update(name).digest('hex').slice(0, 10).toUpperCase()}`
}

/** Slack's time stamps are unique and rising within a channel, in seconds with six digits. */
function nextTimestamp(): string {
  const last = Math.round(Number(posts.all().at(-1)?.ts ?? 0) * 1e6)
  return (Math.max(Date.now() * 1000, last + 1) / 1e6).toFixed(6)
}

/** Arguments come as JSON or as a form; in a form the structured ones are JSON text. */
async function readFields(request: IncomingMessage): Promise<Fields> {
  const body = await text(request)
  if (request.headers['content-type']?.includes('json')) return JSON.parse(body || '{}') as Fields
  const query = new URL(request.url ?? '/', 'http://stub').search
  const fields: Fields = Object.fromEntries([...new URLSearchParams(query), ...new URLSearchParams(body)])
  for (const name of ['blocks', 'attachments', 'metadata'])
    if (typeof fields[name] === 'string') fields[name] = JSON.parse(fields[name])
  return fields
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const path = new URL(request.url ?? '/', 'http://stub').pathname
  if (path === '/outbox') return posts.all()
  const method = methods[path.replace(/^\/api\/+/, '')]
  if (!method) return { ok: false, error: 'unknown_method' }
  const { token, ...fields } = await readFields(request)
  if (!request.headers.authorization?.startsWith('Bearer ') && !token) return { ok: false, error: 'not_authed' }
  return method(fields)
}

createServer((request, response) => {
  answer(request).then(
    (body) => response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
}).listen(Number(port), '127.0.0.1')

// Everything is on disk already, and an orderly exit lets Node keep its compile cache.
process.once('SIGTERM', () => process.exit())
