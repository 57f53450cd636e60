/** What a hostile request needs to look like an honest one. */
export type Place = {
  /** A data source called `github` without a map, another source, and a task of the first. */
  source: number
  other: number
  task: number
  secrets: { shared: string; analytics: string }
  /** The valid `Authorization` header of the source. */
  authorization: string
}

/**
 * One hostile request: the pieces that are sent, each a while after the one before, and the expected status; null if
 * the client leaves before a response is possible. The response must contain `detail`.
 */
export type Row = {
  name: string
  status: number | null
  detail?: string
  pieces(place: Place): (string | Buffer)[]
  /** What the client does after the last piece: it waits for the response, ends its side, or resets the connection. */
  then?: 'wait' | 'end' | 'reset'
}

type Parts = {
  method?: string
  path?: string
  version?: string
  /** Headers that replace those of an honest request. One without a value is left out. */
  headers?: Record<string, string | null>
  /** More lines, written as they are. */
  lines?: string[]
  body?: string | Buffer
}

/** A request as an honest client writes it, changed by `parts`. It asks the server to close the connection. */
export function write({ authorization }: Place, parts: Parts = {}): Buffer {
  const { method = 'POST', path = '/feed-raw-data', version = 'HTTP/1.1', headers = {}, lines = [], body } = parts
  const bytes = Buffer.from(body ?? '')
  const all: Record<string, string | null> = {
    host: '127.0.0.1',
    connection: 'close',
    authorization,
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
    ...headers,
  }
  const written = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
  const head = [`${method} ${path} ${version}`, ...written, ...lines, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes])
}

export const good = { source_name: 'github', company_id: '1', raw_data: { name: 'x' } }
export const goodBody = JSON.stringify(good)

/** A row that sends one request. */
export function row(
  name: string,
  status: number | null,
  parts: Parts | ((place: Place) => Parts),
  detail?: string,
): Row {
  const pieces = (place: Place) => [write(place, typeof parts === 'function' ? parts(place) : parts)]
  return { name, status, pieces, ...(detail !== undefined && { detail }) }
}

/** A body in pieces of HTTP's chunked coding. */
export function chunked(...chunks: (string | Buffer)[]): Buffer {
  const written = chunks.flatMap((chunk) => [`${Buffer.byteLength(chunk).toString(16)}\r\n`, chunk, '\r\n'])
  return Buffer.concat([...written, '0\r\n\r\n'].map((part) => Buffer.from(part)))
}

/** The texts between the blanks, without any unescaping: each`"\u0000" "x"`. */
export function each(strings: TemplateStringsArray, ...values: unknown[]): string[] {
  return String.raw(strings, ...values)
    .trim()
    .split(/\s+/)
}
