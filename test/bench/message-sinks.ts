// Accepts mails and HTTP messages as fast as possible, in its own process, and says when each arrived: as little of a
// mail server, of Slack and of a webhook's receiver as a client needs. `node test/bench/message-sinks.ts`, forked.
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A message that arrived; `about` is the last word and number in its subject or text. */
export type Arrival = { kind: 'mail' | 'slack' | 'webhook'; about: string; at: number }
export type Sinks = { smtpPort: number; httpPort: number }

let arrivals: Arrival[] = []
const arrive = (kind: Arrival['kind'], text: string) =>
  void arrivals.push({ kind, about: /Bench \d+/.exec(text)?.[0] ?? '', at: Date.now() })

const smtp = createServer((socket) => {
  socket
    .setNoDelay(true)
    .setEncoding('utf8')
    .on('error', () => undefined)
  say(socket, '220 sink')
  let [pending, text]: [string, string | null] = ['', null]
  socket.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\r\n')
    pending = lines.pop() ?? ''
    for (const line of lines)
      if (text !== null && line !== '.') text += `${line}\n`
      else if (text !== null) {
        arrive('mail', text)
        text = null
        say(socket, '250 taken')
      } else if (line === 'DATA') {
        text = ''
        say(socket, '354 go on')
      } else say(socket, line === 'QUIT' ? '221 bye' : '250 ok')
  })
}).listen(0, '127.0.0.1')

const http = createHttpServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const isSlack = request.url === '/api/chat.postMessage'
    const body = Buffer.concat(chunks).toString()
    arrive(isSlack ? 'slack' : 'webhook', isSlack ? body.replaceAll('+', ' ').replaceAll('%20', ' ') : body)
    if (isSlack)
      response
        .setHeader('content-type', 'application/json')
        .end(`{"ok":true,"channel":"C1","ts":"${arrivals.length}.0"}`)
    else response.writeHead(204).end()
  })
}).listen(0, '127.0.0.1')

process.on('message', () => {
  process.send?.(arrivals)
  arrivals = []
})
http.once('listening', () => {
  const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port
  process.send?.({ smtpPort: portOf(smtp), httpPort: portOf(http) } satisfies Sinks)
})

function say(socket: Socket, line: string): void {
  socket.write(`${line}\r\n`)
}
