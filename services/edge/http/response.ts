/** What a handler returns. `body` null: an empty body. */
export type RouteResponse = { status: number; headers: Record<string, string>; body: string | Buffer | null }

export function json(status: number, value: unknown, headers: Record<string, string> = {}): RouteResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}
