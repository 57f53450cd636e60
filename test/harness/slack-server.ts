import {
  createSlackApi,
  type Fields,
  isRoomId,
  keyOfPost,
  type Post,
  readFields,
  type Room,
  roomId,
} from '../../deploy/local/stand-ins/slack-api.ts'
import { judgePost } from '../../deploy/local/stand-ins/slack-rules.ts'
import { createCounter, type Fate, type HttpCall, type Reply, startFaultyServer } from './faulty-server.ts'

export type SlackServer = {
  /** The value of SLACK_API_URL. */
  url: string
  /** Opens a channel and returns its id. Others do not exist. */
  openRoom(name: string, traits?: Partial<Omit<Room, 'id' | 'name'>>): string
  /**
   * The answer to a token: an error such as token_revoked, or '' for a good one. `xoxb-local` is good, others get
   * invalid_auth.
   */
  tokens: Map<string, string>
  /** Makes an incoming webhook of a channel and returns its address. */
  openWebhook(room: string): string
  posts: readonly Post[]
  /** The posts of a channel, by its name or id. */
  postsIn(room: string): Post[]
  /** Removes a post, as people do. */
  deletePost(post: Post): void
  /** How often `method` (or `webhook`) was called for a channel, by the name or the id that the call had. */
  calls(method: string, room: string): number
  /** The errors that it answered, after the method, except those of `decide`. */
  errors: string[]
}

type Options = {
  /** The nth call (from 0) of a method for a channel. */
  decide?: (method: string, room: string, nth: number) => Fate
  /**
   * https://docs.slack.dev/apis/web-api/rate-limits: a message a second and channel, and what the tiers of methods
   * allow.
   */
  intervalMs?: number
  perMinute?: Record<string, number>
}

/** What a server knows; `limits` is what Slack allows. */
type State = {
  limits: { intervalMs: number; perMinute: Record<string, number> }
  rooms: Map<string, Room>
  posts: Post[]
  errors: string[]
  tokens: Map<string, string>
  /** The channel of each webhook's path. */
  webhooks: Map<string, Room>
  lastPostAt: Map<string, number>
  /** Times of the calls of each method and token in the last minute. */
  recentCalls: Map<string, number[]>
  methods: ReturnType<typeof createSlackApi>
}

/**
 * A new workspace behind Slack's Web API and incoming webhooks, with the limits, rules and errors of the real one.
 */
export async function startSlackServer({
  decide = () => 'pass',
  intervalMs = 1000,
  perMinute = { 'conversations.list': 20, 'conversations.history': 50, 'auth.test': 100 },
}: Options = {}): Promise<SlackServer> {
  const state = createState({ intervalMs, perMinute })
  const counter = createCounter()
  const base = await startFaultyServer(
    (call) => (isWebhook(call) ? callWebhook(state, call) : callMethod(state, call)),
    (call) => {
      const { method, fields } = isWebhook(call)
        ? { method: 'webhook', fields: { channel: state.webhooks.get(call.path)?.name } }
        : readCall(call)
      const room = String(fields?.channel ?? '').replace(/^#/, '')
      return decide(method, room, counter.next(`${method} ${room}`))
    },
  )
  const { rooms, posts, errors, tokens, webhooks } = state
  return {
    url: `${base}/api/`,
    openRoom(name, traits = {}) {
      const room = { ...traits, id: roomId(name), name }
      rooms.set(room.id, room)
      return room.id
    },
    tokens,
    openWebhook(name) {
      const room = findRoom(rooms, name)
      if (!room) throw new Error(`open the channel ${name} first`)
      const path = `/services/T0LOCAL/B${room.id.slice(1)}/${room.id.toLowerCase()}`
      webhooks.set(path, room)
      return base + path
    },
    posts,
    postsIn: (room) => posts.filter(({ channel, channel_name }) => channel === room || channel_name === room),
    deletePost: (post) => void posts.splice(posts.indexOf(post), 1),
    calls: (method, room) => counter.of(`${method} ${room}`),
    errors,
  }
}

function createState(limits: State['limits']): State {
  const rooms: State['rooms'] = new Map()
  const posts: Post[] = []
  const methods = createSlackApi({
    posts: {
      append(post) {
        const at = posts.findIndex((earlier) => keyOfPost(earlier) === keyOfPost(post))
        posts[at < 0 ? posts.length : at] = post
      },
      all: () => posts,
    },
    rooms: () => [...rooms.values()],
    findRoom: (reference) => findRoom(rooms, reference),
  })
  const tokens = new Map([['xoxb-local', '']])
  const [webhooks, lastPostAt, recentCalls] = [new Map(), new Map(), new Map()]
  return { limits, rooms, posts, errors: [], tokens, webhooks, lastPostAt, recentCalls, methods }
}

function findRoom(rooms: State['rooms'], reference: string): Room | null {
  const known = rooms.get(reference)
  if (known || isRoomId(reference)) return known ?? null
  return rooms.get(roomId(reference.replace(/^#/, ''))) ?? null
}

const isWebhook = ({ path }: HttpCall) => path.startsWith('/services/')

function callMethod(state: State, call: HttpCall): Reply {
  const { method, fields, token } = readCall(call)
  const work = state.methods[method]
  const json = (answer: Fields & { ok: boolean; error?: string }) => answerJson(state, method, answer)
  if (!work) return json({ ok: false, error: 'unknown_method' })
  const type = call.headers['content-type'] ?? ''
  if (call.method === 'POST' && !/^application\/(json|x-www-form-urlencoded)\b|^multipart\/form-data\b/.test(type))
    return json({ ok: false, error: type ? 'invalid_post_type' : 'missing_post_type' })
  if (!fields) return json({ ok: false, error: 'invalid_json' })
  if (!token) return json({ ok: false, error: 'not_authed' })
  const refusal = state.tokens.get(token) ?? 'invalid_auth'
  if (refusal) return json({ ok: false, error: refusal })
  const room = method === 'chat.postMessage' ? findRoom(state.rooms, String(fields.channel)) : null
  const seconds = room ? waitFor(state, room) : isOverTier(state, method, token) ? 10 : 0
  if (seconds > 0) return limited(state, method, seconds, '{"ok":false,"error":"ratelimited"}')
  return json(work(fields))
}

// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
function callWebhook(state: State, { path, headers, body }: HttpCall): Reply {
  const plain = (status: number, text: string): Reply => {
    if (status !== 200) state.errors.push(`webhook ${text}`)
    return { status, headers: { 'content-type': 'text/html' }, body: text }
  }
  const room = state.webhooks.get(path)
  if (!room) return plain(404, 'no_service')
  const form = readFields(headers['content-type'] ?? '', '', body)
  const fields = typeof form?.payload === 'string' ? readFields('json', '', form.payload) : form
  if (!fields) return plain(400, 'invalid_payload')
  if (room.isArchived) return plain(410, 'channel_is_archived')
  const seconds = waitFor(state, room)
  if (seconds > 0) return limited(state, 'webhook', seconds, 'rate_limited')
  // Webhooks ignore metadata.
  const problem = judgePost({ ...fields, metadata: undefined })
  if (problem) return plain(400, problem.error)
  state.methods['chat.postMessage']?.({ ...fields, metadata: undefined, channel: room.id })
  return plain(200, 'ok')
}

/** Seconds to wait before the next message to a room; 0: none. */
function waitFor({ lastPostAt, limits }: State, room: Room): number {
  const now = Date.now()
  const waitMs = (lastPostAt.get(room.id) ?? -Infinity) + limits.intervalMs - now
  if (waitMs > 0) return Math.ceil(waitMs / 1000)
  lastPostAt.set(room.id, now)
  return 0
}

function isOverTier({ recentCalls, limits }: State, method: string, token: string): boolean {
  const key = `${method} ${token}`
  const calls = (recentCalls.get(key) ?? []).filter((at) => at > Date.now() - 60_000)
  const isOver = calls.length >= (limits.perMinute[method] ?? Infinity)
  recentCalls.set(key, isOver ? calls : [...calls, Date.now()])
  return isOver
}

function answerJson({ errors }: State, method: string, answer: Fields & { ok: boolean; error?: string }): Reply {
  if (answer.error) errors.push(`${method} ${answer.error}`)
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return { status: 200, headers, body: JSON.stringify(answer) }
}

function limited({ errors }: State, method: string, seconds: number, body: string): Reply {
  errors.push(`${method} ratelimited`)
  return { status: 429, headers: { 'retry-after': String(seconds) }, body }
}

function readCall({ path, headers, search, body }: HttpCall) {
  const type = headers['content-type'] ?? ''
  const all = readFields(type, search, body)
  const { token: given, ...fields } = all ?? {}
  const [, bearer] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? []
  // A token in a JSON body does not count.
  const token = bearer ?? (type.includes('json') || typeof given !== 'string' ? '' : given)
  return { method: path.replace(/^\/api\/+/, ''), fields: all && fields, token }
}
