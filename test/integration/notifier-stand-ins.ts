import { once } from 'node:events'
import { createServer as createHttpServer, request } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onCleanup } from '../harness/cleanup.ts'

export type MailServer = {
  /** Goes into SMTP_URL. */
  url: string
  /** Mails of which the whole text was received. */
  received(): number
  connections(): number
}

/** What the server does at a stage of its session; `undefined` stands for silence. */
export type Script = {
  greeting?: string
  recipient?: (address: string) => string
  afterText?: 'silence' | 'cut' | string
}

/** A mail server on a bare socket, which can do what a real one does on a bad day. */
export async function startMailServer({
  greeting = '220 hello',
  recipient = () => '250 ok',
  afterText = '250 ok',
}: Script): Promise<MailServer> {
  let received = 0
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (greeting === 'cut') return void socket.destroy()
    const say = (line: string) => socket.write(`${line}\r\n`)
    let isText = false
    let pending = ''
    say(greeting)
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      pending += chunk
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end)
        pending = pending.slice(end + 2)
        if (isText && line === '.') {
          isText = false
          received++
          if (afterText === 'cut') socket.destroy()
          else if (afterText !== 'silence') say(afterText)
        } else if (isText) continue
        else if (line === 'DATA') {
          isText = true
          say('354 go on')
        } else if (line.startsWith('RCPT TO:')) say(recipient(line))
        else say(line === 'QUIT' ? '221 bye' : '250 ok')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(async () => {
    sockets.forEach((socket) => socket.destroy())
    await new Promise((done) => server.close(done))
  })
  const url = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, received: () => received, connections: () => connections }
}

/**
 * What happens to one call to Slack: passed on; passed on, its answer kept or lost; lost on the way; or answered with this
 * status, headers and body instead. `hang` is a call that never arrives and is never answered.
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
  /** The methods called, in order. */
  calls: string[]
}

/** Stands between the notifier and the Slack stub; `decide` says what happens to the nth call (from 0) of a method. */
export async function startSlackProxy(
  slackApiUrl: string,
  decide: (method: string, nth: number, body: string) => Fate,
): Promise<SlackProxy> {
  const calls: string[] = []
  const server = createHttpServer((incoming, outgoing) => {
    const method = incoming.url?.split('/').at(-1) ?? ''
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const fate = decide(method, calls.filter((call) => call === method).length, body.toString())
      calls.push(method)
      if (fate === 'hang') return
      if (fate === 'lose-call') return void incoming.socket.destroy()
      if (typeof fate === 'object') return void outgoing.writeHead(fate.status, fate.headers).end(fate.body)
      const { host: _, ...headers } = incoming.headers
      const passed = request(new URL(method, slackApiUrl), { method: 'POST', headers }, (answer) => {
        if (fate === 'keep-answer') answer.resume()
        else if (fate === 'lose-answer') answer.resume().on('end', () => incoming.socket.destroy())
        else answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers))
      })
      passed.end(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`, calls }
}
