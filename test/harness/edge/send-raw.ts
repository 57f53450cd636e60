import { connect } from 'node:net'

/**
 * Sends `text` as it is and returns what comes back until the server closes the connection. fetch would tidy the path.
 */
export async function sendRaw(url: string, text: string): Promise<string> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  socket.write(text)
  let reply = ''
  for await (const chunk of socket) reply += chunk
  return reply
}
