import type { IncomingMessage, ServerResponse } from 'node:http'
import { escapeHtml } from '#runtime/web/escape-html.ts'

/** The newest entries are shown, no more than this. */
const maxShown = 100

const style = `
  body { margin: 0 auto; padding: 16px; max-width: 760px; font: 16px/1.5 system-ui, sans-serif; color: #111 }
  article { border: 1px solid #ccc; border-radius: 6px; margin: 0 0 16px; padding: 12px 16px; overflow-wrap: anywhere }
  h2 { font-size: 18px; margin: 0 } p { margin: 8px 0 } iframe { border: 0; width: 100% } pre { white-space: pre-wrap }
  .small { color: #666; font-size: 13px }`

/** What a stand-in keeps: JSON for programs, a page for browsers, which ask for HTML. */
export function sendEntries<T>(
  request: IncomingMessage,
  response: ServerResponse,
  entries: readonly T[],
  title: string,
  render: (entry: T) => string,
): void {
  if (!/\btext\/html\b/.test(request.headers.accept ?? '')) {
    response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(entries))
    return
  }
  response.setHeader('content-type', 'text/html; charset=utf-8')
  // What came in is foreign: nothing of it runs or loads.
  response.setHeader(
    'content-security-policy',
    `default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:`,
  )
  response.end(renderPage(title, entries, render))
}

/** A page with the newest entries first. `render` escapes what it quotes. */
export function renderPage<T>(title: string, entries: readonly T[], render: (entry: T) => string): string {
  const shown = entries.slice(-maxShown).toReversed()
  const count = entries.length > maxShown ? `The newest ${maxShown} of ${entries.length}` : `${entries.length}`
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escapeHtml(title)}</title><style>${style}</style></head><body><h1>${escapeHtml(title)}</h1>`,
    `<p class="small">${count}, newest first. Nothing has left this machine. Programs get JSON at this address.</p>`,
    ...shown.map((entry) => `<article>${render(entry)}</article>`),
    '</body></html>',
  ].join('\n')
}
