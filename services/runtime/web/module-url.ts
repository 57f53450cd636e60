/**
 * Address of a route of a mining module: `endpoint` with its scheme and path prefix kept, `https://` where it has no
 * scheme, never `//` in between (contract section 16, entry 16). Throws a TypeError when `endpoint` is no web address.
 */
export function moduleUrl(endpoint: string, route: string, query: Record<string, string | number> = {}): string {
  const url = readEndpoint(endpoint)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${route}`
  url.search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, `${value}`]),
  ).toString()
  return url.href
}

/** Whether two texts name the same endpoint. False when one of them names none. */
export function isSameEndpoint(one: string, other: string): boolean {
  try {
    return moduleUrl(one, '') === moduleUrl(other, '')
  } catch {
    return false
  }
}

function readEndpoint(endpoint: string): URL {
  const text = endpoint.trim()
  const hasScheme = text.includes('://')
  const url = URL.parse(hasScheme ? text : `https://${text}`)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new TypeError(`${JSON.stringify(endpoint)} is not the address of a mining module`)
  url.hash = ''
  return url
}
