import { once } from 'node:events'
import { createServer as createHttpServer, request } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { onCleanup } from '../harness/cleanup.ts'

/** What becomes of a mail: taken; refused or put off by the server; or its text taken, and then a cut or no answer at all. */
export type MailFate = 'accept' | 'refuse' | 'put-off' | 'cut' | 'silence'

export type MailServer = {
  /** Goes into SMTP_URL. */
  url: string
  /** How often the whole text of a mail to `address` came in. */
  received(address: string): number
  /** While true, connections are cut before a word is said. */
  isDown: boolean
  /** Connections taken so far. */
  connections: number
}

/** A mail server on a bare socket, for what a real one does on a bad day. `decide`: the nth mail (from 0) to an address. */
export async function startMailServer(decide: (address: string, nth: number) => MailFate): Promise<MailServer> {
  const asked = new Map<string, number>()
  const received = new Map<string, number>()
  const sockets = new Set<Socket>()
  const mailServer = {
    url: '',
    received: (address: string) => received.get(address) ?? 0,
    isDown: false,
    connections: 0,
  }

  function hold(socket: Socket): void {
    let [address, fate, isText, pending] = ['', 'accept' as MailFate, false, '']
    const say = (line: string) => socket.write(`${line}\r\n`)
    function take(line: string): void {
      if (isText && line !== '.') return
      if (isText) {
        isText = false
        count(received, address)
        if (fate === 'cut') socket.destroy()
        else if (fate !== 'silence') say('250 taken')
      } else if (line.startsWith('RCPT TO:')) {
        address = /<(.*)>/.exec(line)?.[1] ?? ''
        fate = decide(address, count(asked, address) - 1)
        say(fate === 'refuse' ? '550 no such user' : fate === 'put-off' ? '451 come back later' : '250 ok')
      } else if (line === 'DATA') {
        isText = true
        say('354 go on')
      } else say(line === 'QUIT' ? '221 bye' : '250 ok')
    }
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (pending + chunk).split('\r\n')
      pending = lines.pop() ?? ''
      lines.forEach(take)
    })
    say('220 hello')
  }

  const server = createServer((socket) => {
    mailServer.connections++
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (mailServer.isDown) socket.destroy()
    else hold(socket)
  })
  onCleanup(async () => {
    sockets.forEach((socket) => socket.destroy())
    await new Promise((done) => server.close(done))
  })
  mailServer.url = `smtp://127.0.0.1:${await listen(server)}`
  return mailServer
}

/**
 * What becomes of a call to Slack: passed on; passed on, its answer kept back or lost; lost on the way; taken by nobody and
 * never answered; or answered with this status, headers and body instead.
 */
export type Fate =
  | 'pass'
  | 'keep-answer'
  | 'lose-answer'
  | 'lose-call'
  | 'hang'
  | { status: number; headers?: Record<string, string>; body?: string }

export type SlackProxy = {
  /** Goes into SLACK_API_URL. */
  url: string
  /** How often `method` was called for `channel`, a name or an id as the call had it. */
  calls(method: string, channel: string): number
}

/** Stands between the notifier and `slackApiUrl`. `decide`: the nth call (from 0) of a method for a channel. */
export async function startSlackProxy(
  slackApiUrl: string,
  decide: (method: string, channel: string, nth: number) => Fate,
): Promise<SlackProxy> {
  const calls = new Map<string, number>()
  const server = createHttpServer((incoming, outgoing) => {
    const method = incoming.url?.split('/').at(-1) ?? ''
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const channel = new URLSearchParams(body.toString()).get('channel')?.replace('#', '') ?? ''
      const fate = decide(method, channel, count(calls, `${method} ${channel}`) - 1)
      if (fate === 'hang') return
      if (fate === 'lose-call') return void incoming.socket.destroy()
      if (typeof fate === 'object') return void outgoing.writeHead(fate.status, fate.headers).end(fate.body)
      const { host: _, ...headers } = incoming.headers
      const passed = request(new URL(method, slackApiUrl), { method: 'POST', headers }, (answer) => {
        if (fate === 'pass') return void answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers))
        answer.resume().on('end', () => fate === 'lose-answer' && incoming.socket.destroy())
      })
      passed.end(body)
    })
  })
  onCleanup(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const url = `http://127.0.0.1:${await listen(server)}/api/`
  return { url, calls: (method, channel) => calls.get(`${method} ${channel}`) ?? 0 }
}

function count(counts: Map<string, number>, key: string): number {
  const next = (counts.get(key) ?? 0) + 1
  counts.set(key, next)
  return next
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
