import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Place, Row } from './request.ts'

export type Reply = { status: number | null; body: string; answers: number }

/** The pause between the pieces of a request. */
const pauseMs = 100

/** Sends one request over a new connection, and reads until the connection ends or `deadlineMs` has passed. */
export async function send(url: string, row: Row, place: Place, deadlineMs: number): Promise<Reply> {
  const { port, hostname } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, noDelay: true, allowHalfOpen: true })
  const received: Buffer[] = []
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  // The edge may end the connection while the client is still sending. What it sent before counts.
  socket.on('error', () => undefined)
  const closed = new Promise((done) => socket.once('close', done))
  const connected = new Promise((done) => socket.once('connect', done))
  socket.on('end', () => socket.end())
  await Promise.race([connected, closed])
  for (const [index, piece] of row.pieces(place).entries()) {
    if (index > 0) await Promise.race([delay(pauseMs), closed])
    if (socket.writable) socket.write(piece)
  }
  if (row.then === 'end') socket.end()
  if (row.then === 'reset') socket.resetAndDestroy()
  const late = new AbortController()
  const isLate = await Promise.race([closed, delay(deadlineMs, 'late', { signal: late.signal }).catch(() => undefined)])
  late.abort()
  socket.destroy()
  if (isLate === 'late') throw new Error(`${row.name}: no end within ${deadlineMs} ms`)
  return readReply(Buffer.concat(received).toString('latin1'))
}

function readReply(text: string): Reply {
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  const final = statuses.filter((status) => status >= 200)
  const body = text.slice(text.lastIndexOf('\r\n\r\n') + 4)
  return { status: final[0] ?? null, body, answers: final.length }
}
