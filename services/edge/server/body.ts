import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { HttpError, unavailable } from '../http/http-error.ts'

export type BodyLimits = {
  /** Of one body, unpacked. */
  maxBytes: number
  /** Of all bodies being received. */
  maxBufferedBytes: number
}

/** The bytes of a request's body, unpacked. Rejects with an HttpError. */
export type ReadBody = (request: IncomingMessage) => Promise<Buffer>

const unpackers = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const

/**
 * Reads bodies within limits. The limits count the bytes that arrive, unpacked, whatever the headers say. The rest of a
 * rejected body is received and discarded, until REQUEST_TIMEOUT_MS, so that the client can read the response.
 */
export function createBodyReader({ maxBytes, maxBufferedBytes }: BodyLimits): ReadBody {
  let buffered = 0

  return async (request) => {
    const tooLarge = () => new HttpError(413, `The body is larger than ${maxBytes} bytes.`)
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
    const stream = unpack(request)
    const chunks: Buffer[] = []
    let size = 0
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      buffered += chunk.length
      chunks.push(chunk)
      if (size > maxBytes) reject(tooLarge())
      else if (buffered > maxBufferedBytes) reject(unavailable('The edge is receiving too much data at once.'))
    })
    stream.on('end', () => resolve(Buffer.concat(chunks, size)))
    let received = 0
    if (stream !== request) request.on('data', (chunk: Buffer) => (received += chunk.length))
    stream.on('error', (error) => reject(unreadable(encodingOf(request), received, error)))
    request.on(
      'close',
      () => request.complete || reject(new HttpError(400, 'The request ended before its body was complete.')),
    )
    try {
      return await promise
    } finally {
      buffered -= size
      stream.removeAllListeners('data')
      if (stream !== request) {
        request.unpipe()
        stream.destroy()
      }
      request.resume()
    }
  }
}

function encodingOf(request: IncomingMessage): string {
  return request.headers['content-encoding']?.trim().toLowerCase() || 'identity'
}

function unpack(request: IncomingMessage): Readable {
  const encoding = encodingOf(request)
  if (encoding === 'identity') return request
  const create = Object.hasOwn(unpackers, encoding) ? unpackers[encoding as keyof typeof unpackers] : null
  if (!create)
    throw new HttpError(415, `The content-encoding ${encoding} is not supported. Send gzip, deflate, br or none.`)
  return request.pipe(create())
}

/** What is wrong with the packed bytes, in the words of the unpacker, which had taken `received` of them. */
function unreadable(encoding: string, received: number, error: Error): HttpError {
  if (encoding === 'identity') return new HttpError(400, 'The body could not be received.', {}, { cause: error })
  const isCut = error.message === 'unexpected end of file'
  const detail = isCut
    ? `The body ends after ${received} bytes, in the middle of its ${encoding}.`
    : `The body is not ${encoding}, as its content-encoding says: ${error.message} within the first ${received} bytes.`
  return new HttpError(400, detail, {}, { cause: error })
}
