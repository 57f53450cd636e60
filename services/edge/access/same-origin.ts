import type { IncomingHttpHeaders } from 'node:http'

/**
 * Whether a browser sent this request for a page of ours: its `Origin` is the host that the request asks, or
 * `publicUrl`, where a proxy passes on another host. Sec-Fetch-Site, which browsers send to https and to this machine,
 * must say the same. Neither header can be set by a page.
 */
export function isSameOrigin(headers: IncomingHttpHeaders, publicUrl: string | undefined): boolean {
  const origin = URL.parse(headers.origin ?? '')
  if (origin === null || origin.origin !== headers.origin) return false
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  return origin.host === headers.host?.toLowerCase() || origin.origin === URL.parse(publicUrl ?? '')?.origin
}
