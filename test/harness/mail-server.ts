import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { onCleanup } from './cleanup.ts'
import { createCounter } from './faulty-server.ts'

/**
 * What happens to a mail: accepted; its recipient refused for good or for now; its text refused for good or for now;
 * its text accepted, and then the connection cut or no answer; or no answer to the recipient, before the text.
 */
export type MailFate = 'accept' | 'refuse' | 'put-off' | 'refuse-text' | 'put-off-text' | 'cut' | 'silence' | 'hang'

type ReceivedMail = {
  to: string
  subject: string
  text: string
  html: string
  headers: Record<string, string>
  source: string
  fate: MailFate
}

export type MailServer = {
  /** The value of SMTP_URL. */
  url: string
  /** Every mail whose whole text arrived and was not refused, answered or not. */
  mails: ReceivedMail[]
  mailsTo(address: string): ReceivedMail[]
  /** How often the whole text of a mail to `address` arrived. */
  received(address: string): number
  /** While true, connections are cut at once. */
  isDown: boolean
  /** Connections accepted so far. */
  connections: number
}

const replies: Partial<Record<MailFate, [number, string]>> = {
  refuse: [550, 'no such user'],
  'put-off': [451, 'come back later'],
  'refuse-text': [554, 'not a word of this'],
  'put-off-text': [452, 'no room at the moment'],
}

/** A real SMTP server that fails on demand. `decide` gets the nth mail (from 0) to an address. */
export async function startMailServer(
  decide: (address: string, nth: number) => MailFate = () => 'accept',
): Promise<MailServer> {
  const asked = createCounter()
  const received = createCounter()
  const mails: ReceivedMail[] = []
  const sockets = new Map<number, Socket>()
  const fates = new WeakMap<SMTPServerSession, MailFate>()

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    closeTimeout: 100,
    onAuth: (_auth, _session, done) => done(null, { user: 'anyone' }),
    onRcptTo({ address }, session, done) {
      const fate = decide(address, asked.next(address))
      fates.set(session, fate)
      if (fate === 'hang') return
      done(fate === 'refuse' || fate === 'put-off' ? errorOf(fate) : null)
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const fate = fates.get(session) ?? 'accept'
        if (fate === 'refuse-text' || fate === 'put-off-text') return done(errorOf(fate))
        const to = session.envelope.rcptTo.map(({ address }) => address)
        to.forEach((address) => received.next(address))
        void read(Buffer.concat(chunks), to.join()).then((mail) => {
          mails.push({ ...mail, fate })
          if (fate === 'accept') done()
          if (fate === 'cut') sockets.get(session.remotePort)?.destroy()
        })
      })
    },
  })
  // The client was killed, or this server cut the connection.
  server.on('error', () => undefined)
  const mailServer: MailServer = {
    url: '',
    mails,
    mailsTo: (address) => mails.filter(({ to }) => to === address),
    received: received.of,
    isDown: false,
    connections: 0,
  }
  server.server.on('connection', (socket: Socket) => {
    mailServer.connections++
    const port = socket.remotePort ?? 0
    sockets.set(port, socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(port))
    if (mailServer.isDown) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onCleanup(async () => {
    sockets.forEach((socket) => socket.destroy())
    await new Promise<void>((done) => server.close(done))
  })
  mailServer.url = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  return mailServer
}

function errorOf(fate: MailFate): Error {
  const [responseCode, text] = replies[fate] ?? [451, fate]
  return Object.assign(new Error(text), { responseCode })
}

async function read(source: Buffer, to: string): Promise<Omit<ReceivedMail, 'fate'>> {
  const { subject = '', text = '', html, headerLines } = await simpleParser(source)
  const headers = headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).trim()])
  return {
    to,
    subject,
    text,
    html: html || '',
    headers: Object.fromEntries(headers) as Record<string, string>,
    source: source.toString(),
  }
}
