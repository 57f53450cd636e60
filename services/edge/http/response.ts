/** What a route answers. A text or bytes as body; null: an empty one. */
export type RouteResponse = { status: number; headers: Record<string, string>; body: string | Buffer | null }

export function json(status: number, value: unknown, headers: Record<string, string> = {}): RouteResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}
