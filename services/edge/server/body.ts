import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { HttpError, unavailable } from '../http/http-error.ts'

export type BodyLimits = {
  /** Of one body, unpacked, unless its route takes more. */
  maxBytes: number
  /** Of all bodies being received. */
  maxBufferedBytes: number
}

/** The bytes of a request's body, unpacked. Rejects with an HttpError. */
type ReadBody = (request: IncomingMessage) => Promise<Buffer>

/**
 * Gives `take` the body of a request piece by piece, unpacked, at most `maxBytes` of it. Resolves when all of it has
 * come, with what to call when its bytes are not kept any more: until then they count as being received. Rejects with an
 * HttpError, or with what `take` throws.
 */
type ReceiveBody = (request: IncomingMessage, maxBytes: number, take: (chunk: Buffer) => void) => Promise<() => void>

export type BodyReader = { readBody: ReadBody; receiveBody: ReceiveBody }

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
export function createBodyReader({ maxBytes: usualBytes, maxBufferedBytes }: BodyLimits): BodyReader {
  let buffered = 0

  const receiveBody: ReceiveBody = async (request, maxBytes, take) => {
    const tooLarge = () => new HttpError(413, `The body is larger than ${maxBytes} bytes.`)
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
    const stream = unpack(request)
    let size = 0
    let isRefused = false
    const release = () => {
      buffered -= size
      size = 0
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const refuse = (error: unknown) => {
      isRefused = true
      reject(error as Error)
    }
    stream.on('data', (chunk: Buffer) => {
      if (isRefused) return
      size += chunk.length
      buffered += chunk.length
      if (size > maxBytes) return refuse(tooLarge())
      if (buffered > maxBufferedBytes) return refuse(unavailable('The edge is receiving too much data at once.'))
      try {
        take(chunk)
      } catch (error) {
        refuse(error)
      }
    })
    stream.on('end', resolve)
    let received = 0
    if (stream !== request) request.on('data', (chunk: Buffer) => (received += chunk.length))
    stream.on('error', (error) => reject(unreadable(encodingOf(request), received, error)))
    request.on(
      'close',
      () => request.complete || reject(new HttpError(400, 'The request ended before its body was complete.')),
    )
    try {
      await promise
      return release
    } catch (error) {
      release()
      throw error
    } finally {
      stream.removeAllListeners('data')
      if (stream !== request) {
        request.unpipe()
        stream.destroy()
      }
      request.resume()
    }
  }

  return {
    receiveBody,
    async readBody(request) {
      const chunks: Buffer[] = []
      const release = await receiveBody(request, usualBytes, (chunk) => chunks.push(chunk))
      release()
      return Buffer.concat(chunks)
    },
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
