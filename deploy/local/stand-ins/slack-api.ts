import { createHash } from 'node:crypto'
import type { Journal } from './journal.ts'
import { judgePost } from './slack-rules.ts'

export type Fields = Record<string, unknown>
export type Post = Fields & { channel: string; ts: string; text: string; metadata?: unknown }
/** What makes two posts the same: the later one is the edited one. */
export const keyOfPost = ({ channel, ts }: Post) => `${channel}/${ts}`

export type Answer = { ok: boolean; error?: string } & Fields

/** A channel of a workspace. */
export type Room = { id: string; name: string; isMember?: boolean; isArchived?: boolean; isPrivate?: boolean }

export type Workspace = {
  posts: Journal<Post>
  rooms(): readonly Room[]
  /** The channel with this id or name; null when there is none. */
  findRoom(reference: string): Room | null
}

/** The few methods of Slack's Web API that we call, answered as Slack does. https://docs.slack.dev/reference/methods */
export function createSlackApi(workspace: Workspace): Record<string, (fields: Fields) => Answer> {
  return {
    'api.test': () => ({ ok: true }),
    'auth.test': () => ({
      ...{ ok: true, url: 'https://local.slack.com/', team: 'local', user: 'parma' },
      ...{ team_id: 'T0LOCAL', user_id: 'U0PARMA', bot_id: 'B0PARMA' },
    }),
    'chat.postMessage': (fields) => postMessage(workspace, fields),
    'chat.update': (fields) => updateMessage(workspace, fields),
    'conversations.list': (fields) => listRooms(workspace, fields),
    'conversations.history': (fields) => listPosts(workspace, fields, (post) => !isOnlyReply(post)),
    'conversations.replies': (fields) => listReplies(workspace, fields),
  }
}

function postMessage({ posts, findRoom }: Workspace, fields: Fields): Answer {
  if (typeof fields.channel !== 'string' || fields.channel === '') return refuse('channel_not_found')
  const room = findRoom(fields.channel)
  if (!room) return refuse('channel_not_found')
  if (room.isArchived) return refuse('is_archived')
  if (room.isMember === false) return refuse('not_in_channel')
  const problem = judgePost(fields)
  if (problem) return refuse(problem.error, { response_metadata: { messages: problem.details ?? [] } })
  const { thread_ts, reply_broadcast, ...others } = fields
  // A reply to what is not there stands in the channel.
  const isReply = posts.all().some((one) => one.channel === room.id && one.ts === thread_ts)
  const post: Post = {
    ...others,
    ...(isReply && { thread_ts, reply_broadcast }),
    text: String(fields.text ?? ''),
    channel: room.id,
    channel_name: room.name,
    ts: nextTimestamp(posts.all()),
  }
  posts.append(post)
  return { ok: true, channel: room.id, ts: post.ts, message: { ...asMessage(post), metadata: post.metadata } }
}

/** A post without its `fields` keeps what it had, but for blocks, which go when there is text only. */
function updateMessage({ posts, findRoom }: Workspace, { channel, ts, ...fields }: Fields): Answer {
  const room = isRoomId(String(channel)) ? findRoom(String(channel)) : null
  if (!room) return refuse('channel_not_found')
  if (room.isArchived) return refuse('is_inactive')
  const post = posts.all().find((one) => one.channel === room.id && one.ts === ts)
  if (!post) return refuse('message_not_found')
  const problem = judgePost(fields)
  if (problem) return refuse(problem.error, { response_metadata: { messages: problem.details ?? [] } })
  const text = String(fields.text ?? '')
  posts.append({ ...post, blocks: undefined, ...fields, channel: room.id, ts: post.ts, text, edited: true })
  return { ok: true, channel: room.id, ts: post.ts, text }
}

function listRooms({ rooms }: Workspace, fields: Fields): Answer {
  const { limit = 100, cursor, exclude_archived, types = 'public_channel' } = fields
  if (!isLimit(limit, 1000)) return refuse('invalid_limit')
  const from = readCursor(cursor)
  if (from === null) return refuse('invalid_cursor')
  const wanted = String(types).split(',')
  const found = rooms().filter(
    (room) =>
      wanted.includes(room.isPrivate ? 'private_channel' : 'public_channel') &&
      // Only its members see a private channel.
      !(room.isPrivate && room.isMember === false) &&
      !(isTrue(exclude_archived) && room.isArchived),
  )
  const to = from + Number(limit)
  return {
    ok: true,
    channels: found.slice(from, to).map(({ id, name, isMember = true, isArchived = false, isPrivate = false }) => ({
      ...{ id, name, is_channel: true, is_member: isMember, is_archived: isArchived, is_private: isPrivate },
    })),
    response_metadata: { next_cursor: to < found.length ? makeCursor(to) : '' },
  }
}

function listPosts({ posts, findRoom }: Workspace, fields: Fields, isWanted: (post: Post) => boolean): Answer {
  const { channel, oldest = '0', latest, limit = 100, cursor, inclusive, include_all_metadata } = fields
  const room = isRoomId(String(channel)) ? findRoom(String(channel)) : null
  if (!room) return refuse('channel_not_found')
  if (room.isMember === false) return refuse('not_in_channel')
  if (!isLimit(limit, 999)) return refuse('invalid_limit')
  const from = readCursor(cursor)
  if (from === null) return refuse('invalid_cursor')
  if (!isTimestamp(oldest)) return refuse('invalid_ts_oldest')
  if (latest !== undefined && !isTimestamp(latest)) return refuse('invalid_ts_latest')
  const isWithin = ({ ts }: Post) => {
    const [at, first, last] = [Number(ts), Number(oldest), Number(latest ?? Infinity)]
    return isTrue(inclusive) ? at >= first && at <= last : at > first && at < last
  }
  const newestFirst = posts
    .all()
    .filter((post) => post.channel === room.id && isWithin(post) && isWanted(post))
    .toReversed()
  const to = from + Number(limit)
  const hasMore = to < newestFirst.length
  return {
    ok: true,
    messages: newestFirst
      .slice(from, to)
      .map((post) =>
        isTrue(include_all_metadata) ? { ...asMessage(post), metadata: post.metadata } : asMessage(post),
      ),
    has_more: hasMore,
    ...(hasMore && { response_metadata: { next_cursor: makeCursor(to) } }),
  }
}

function listReplies(workspace: Workspace, { ts, ...fields }: Fields): Answer {
  const isOfThread = (post: Post) => post.ts === ts || post.thread_ts === ts
  if (!workspace.posts.all().some((post) => post.channel === fields.channel && isOfThread(post)))
    return refuse('thread_not_found')
  return listPosts(workspace, fields, isOfThread)
}

const isOnlyReply = ({ thread_ts, reply_broadcast }: Post) => Boolean(thread_ts) && !isTrue(reply_broadcast)

export const refuse = (error: string, more: Fields = {}): Answer => ({ ok: false, error, ...more })

export const isRoomId = (reference: string) => /^[CDGU][A-Z0-9]{5,}$/.test(reference)

/** The id of the channel with this name, the same in all our workspaces. */
export function roomId(name: string): string {
  return `C${createHash('sha256').update(name).digest('hex').slice(0, 10).toUpperCase()}`
}

/**
 * The arguments of a call: a JSON body, or a form in which structured ones are JSON text. Null: the body is not JSON.
 */
export function readFields(contentType: string, query: string, body: string): Fields | null {
  if (contentType.includes('json'))
    try {
      return JSON.parse(body || '{}') as Fields
    } catch {
      return null
    }
  const fields: Fields = Object.fromEntries([...new URLSearchParams(query), ...new URLSearchParams(body)])
  for (const name of ['blocks', 'attachments', 'metadata']) {
    const text = fields[name]
    if (typeof text !== 'string') continue
    try {
      fields[name] = JSON.parse(text)
    } catch {
      // `judgePost` refuses text where an object belongs.
    }
  }
  return fields
}

function asMessage({ text, ts, blocks, attachments, thread_ts }: Post): Fields {
  return { type: 'message', user: 'U0PARMA', bot_id: 'B0PARMA', text, ts, blocks, attachments, thread_ts }
}

const isTrue = (value: unknown) => value === true || value === 'true' || value === '1'
const isTimestamp = (value: unknown) => /^\d{1,12}(\.\d{1,6})?$/.test(String(value))
const isLimit = (value: unknown, max: number) =>
  /^\d+$/.test(String(value)) && Number(value) >= 1 && Number(value) <= max

const makeCursor = (at: number) => Buffer.from(`next:${at}`).toString('base64')

function readCursor(cursor: unknown): number | null {
  if (cursor === undefined || cursor === '') return 0
  const [, at] = /^next:(\d+)$/.exec(Buffer.from(String(cursor), 'base64').toString()) ?? []
  return at === undefined ? null : Number(at)
}

/** Slack's timestamps are seconds with six digits; they are unique and rise within a channel. */
function nextTimestamp(posts: readonly Post[]): string {
  const last = Math.round(Number(posts.at(-1)?.ts ?? 0) * 1e6)
  return (Math.max(Date.now() * 1000, last + 1) / 1e6).toFixed(6)
}
