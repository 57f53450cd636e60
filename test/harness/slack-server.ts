import {
  createSlackApi,
  type Fields,
  isRoomId,
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

/**
 * A new workspace behind Slack's Web API and incoming webhooks, with the limits, rules and errors of the real one.
 */
export async function startSlackServer({
  decide = () => 'pass',
  intervalMs = 1000,
  perMinute = { 'conversations.list': 20, 'conversations.history': 50, 'auth.test': 100 },
}: Options = {}): Promise<SlackServer> {
  const rooms = new Map<string, Room>()
  const posts: Post[] = []
  const errors: string[] = []
  const tokens = new Map([['xoxb-local', '']])
  const webhooks = new Map<string, Room>()
  const counter = createCounter()
  const lastPostAt = new Map<string, number>()
  const recentCalls = new Map<string, number[]>()

  const findRoom = (reference: string) =>
    rooms.get(reference) ?? (isRoomId(reference) ? null : (rooms.get(roomId(reference.replace(/^#/, ''))) ?? null))
  const methods = createSlackApi({
    posts: { append: (post) => void posts.push(post), all: () => posts },
    rooms: () => [...rooms.values()],
    findRoom,
  })

  /** Seconds to wait before the next message to a room; 0: none. */
  function waitFor(room: Room): number {
    const now = Date.now()
    const waitMs = (lastPostAt.get(room.id) ?? -Infinity) + intervalMs - now
    if (waitMs > 0) return Math.ceil(waitMs / 1000)
    lastPostAt.set(room.id, now)
    return 0
  }

  function isOverTier(method: string, token: string): boolean {
    const key = `${method} ${token}`
    const calls = (recentCalls.get(key) ?? []).filter((at) => at > Date.now() - 60_000)
    const isOver = calls.length >= (perMinute[method] ?? Infinity)
    recentCalls.set(key, isOver ? calls : [...calls, Date.now()])
    return isOver
  }

  function callMethod(call: HttpCall): Reply {
    const { method, fields, token } = readCall(call)
    const work = methods[method]
    const json = (answer: Fields & { ok: boolean; error?: string }) => answerJson(method, answer)
    if (!work) return json({ ok: false, error: 'unknown_method' })
    const type = call.headers['content-type'] ?? ''
    if (call.method === 'POST' && !/^application\/(json|x-www-form-urlencoded)\b|^multipart\/form-data\b/.test(type))
      return json({ ok: false, error: type ? 'invalid_post_type' : 'missing_post_type' })
    if (!fields) return json({ ok: false, error: 'invalid_json' })
    if (!token) return json({ ok: false, error: 'not_authed' })
    const refusal = tokens.get(token) ?? 'invalid_auth'
    if (refusal) return json({ ok: false, error: refusal })
    const room = method === 'chat.postMessage' ? findRoom(String(fields.channel)) : null
    const seconds = room ? waitFor(room) : isOverTier(method, token) ? 10 : 0
    if (seconds > 0) return limited(method, seconds, '{"ok":false,"error":"ratelimited"}')
    return json(work(fields))
  }

  function answerJson(method: string, answer: Fields & { ok: boolean; error?: string }): Reply {
    if (answer.error) errors.push(`${method} ${answer.error}`)
    return {
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(answer),
    }
  }

  function limited(method: string, seconds: number, body: string): Reply {
    errors.push(`${method} ratelimited`)
    return { status: 429, headers: { 'retry-after': String(seconds) }, body }
  }

  // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
  function callWebhook({ path, headers, body }: HttpCall): Reply {
    const plain = (status: number, text: string): Reply => {
      if (status !== 200) errors.push(`webhook ${text}`)
      return { status, headers: { 'content-type': 'text/html' }, body: text }
    }
    const room = webhooks.get(path)
    if (!room) return plain(404, 'no_service')
    const form = readFields(headers['content-type'] ?? '', '', body)
    const fields = typeof form?.payload === 'string' ? readFields('json', '', form.payload) : form
    if (!fields) return plain(400, 'invalid_payload')
    if (room.isArchived) return plain(410, 'channel_is_archived')
    const seconds = waitFor(room)
    if (seconds > 0) return limited('webhook', seconds, 'rate_limited')
    // Webhooks ignore metadata.
    const problem = judgePost({ ...fields, metadata: undefined })
    if (problem) return plain(400, problem.error)
    methods['chat.postMessage']?.({ ...fields, metadata: undefined, channel: room.id })
    return plain(200, 'ok')
  }

  const isWebhook = ({ path }: HttpCall) => path.startsWith('/services/')
  const base = await startFaultyServer(
    (call) => (isWebhook(call) ? callWebhook(call) : callMethod(call)),
    (call) => {
      const { method, fields } = isWebhook(call)
        ? { method: 'webhook', fields: { channel: webhooks.get(call.path)?.name } }
        : readCall(call)
      const room = String(fields?.channel ?? '').replace(/^#/, '')
      return decide(method, room, counter.next(`${method} ${room}`))
    },
  )
  return {
    url: `${base}/api/`,
    openRoom(name, traits = {}) {
      const room = { ...traits, id: roomId(name), name }
      rooms.set(room.id, room)
      return room.id
    },
    tokens,
    openWebhook(name) {
      const room = findRoom(name)
      if (!room) throw new Error(`open the channel ${name} first`)
      const path = `/services/T0LOCAL/B${room.id.slice(1)}/${room.id.toLowerCase()}`
      webhooks.set(path, room)
      return base + path
    },
    posts,
    postsIn: (room) => posts.filter(({ channel, channel_name }) => channel === room || channel_name === room),
    calls: (method, room) => counter.of(`${method} ${room}`),
    errors,
  }
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
