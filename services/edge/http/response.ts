/** What a handler returns. `body` null: an empty body. */
export type RouteResponse = { status: number; headers: Record<string, string>; body: string | Buffer | null }

/** Leads a browser on, also after a form was sent: to a path of ours. */
export function redirect(path: string, headers: Record<string, string> = {}): RouteResponse {
  return { status: 303, headers: { location: path, 'cache-control': 'no-store', ...headers }, body: null }
}

/** A text of another type than JSON. */
export function file(type: string, body: string, headers: Record<string, string> = {}): RouteResponse {
  return { status: 200, headers: { 'content-type': type, ...headers }, body }
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): RouteResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}
