// Accepts every mail and sends none. Each becomes one JSON line; GET / of the mailbox port shows all of them.
import { createServer } from 'node:http'
import { simpleParser, type AddressObject } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { openJournal } from './journal.ts'
import { sendEntries } from './page.ts'
import { type Mail, renderMail } from './render-mail.ts'

const [journalFile = '', smtpPort, mailboxPort] = process.argv.slice(2)

const mails = openJournal<Mail>(journalFile)

async function readMail(stream: NodeJS.ReadableStream, recipients: string[]): Promise<Mail> {
  const mail = await simpleParser(stream as Parameters<typeof simpleParser>[0])
  return {
    from: addressesOf(mail.from)[0] ?? '',
    to: recipients,
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    html: mail.html || '',
    headers: Object.fromEntries(
      mail.headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).trim()]),
    ),
  }
}

function addressesOf(field: AddressObject | undefined): string[] {
  return (field?.value ?? []).map(({ address }) => address ?? '')
}

new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onAuth: (_auth, _session, done) => done(null, { user: 'anyone' }),
  onData(stream, session, done) {
    const recipients = session.envelope.rcptTo.map(({ address }) => address)
    readMail(stream, recipients)
      .then((mail) => mails.append(mail))
      .then(() => done(), done)
  },
})
  // A client that went away in the middle of a mail: the others stay.
  .on('error', (error) => console.error(error.message))
  .listen(Number(smtpPort), '127.0.0.1')

createServer((request, response) => {
  if (request.url === '/livez') response.end()
  else sendEntries(request, response, mails.all(), 'Mails', renderMail)
}).listen(Number(mailboxPort), '127.0.0.1')

// Everything is on disk; an orderly exit lets Node keep its compile cache.
process.once('SIGTERM', () => process.exit())
