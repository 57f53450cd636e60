// Answers as Slack's Web API does, for a workspace that has every channel a caller names. Each post becomes one JSON
// line; GET /outbox shows all of them.
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { openJournal } from './journal.ts'
import { sendEntries } from './page.ts'
import { renderPost } from './render-post.ts'
import { createSlackApi, isRoomId, keyOfPost, type Post, readFields, refuse, type Room, roomId } from './slack-api.ts'

const [journalFile = '', port] = process.argv.slice(2)

const posts = openJournal<Post>(journalFile, keyOfPost)
const rooms = new Map<string, Room>()
openRoom('general')
for (const { channel_name, channel } of posts.all()) openRoom(String(channel_name), channel)

const methods = createSlackApi({
  posts,
  rooms: () => [...rooms.values()],
  findRoom: (reference) =>
    rooms.get(reference) ??
    (isRoomId(reference) ? openRoom(reference, reference) : openRoom(reference.replace(/^#/, ''))),
})

function openRoom(name: string, id = roomId(name)): Room {
  const room = { id, name }
  rooms.set(id, room)
  return room
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://stub')
  const method = methods[pathname.replace(/^\/api\/+/, '')]
  if (!method) return refuse('unknown_method')
  const fields = readFields(request.headers['content-type'] ?? '', search, await text(request))
  if (!fields) return refuse('invalid_json')
  const { token, ...others } = fields
  if (!request.headers.authorization?.startsWith('Bearer ') && !token) return refuse('not_authed')
  return method(others)
}

createServer((request, response) => {
  if (request.url === '/livez') return response.end()
  if (request.url === '/outbox') return sendEntries(request, response, posts.all(), 'Slack posts', renderPost)
  answer(request).then(
    (body) => response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
}).listen(Number(port), '127.0.0.1')

// Everything is on disk; an orderly exit lets Node keep its compile cache.
process.once('SIGTERM', () => process.exit())
