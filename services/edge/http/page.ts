import { escapeHtml } from '#runtime/web/escape-html.ts'
import type { RouteResponse } from './response.ts'

/** A page for people: `content` is HTML, text alone, which a phone shows well. */
export function page(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${content}
</body>
</html>
`
}

export const pageType = 'text/html; charset=utf-8'

/** Headers of a page that a signed link leads to; its forms may be sent to `formAction`. */
export function pageHeaders(formAction: "'none'" | "'self'" = "'none'"): Record<string, string> {
  return {
    'content-type': pageType,
    'content-security-policy': `default-src 'none'; base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`,
    // The link is the credential.
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  }
}

/** A page that says one thing. */
export function messagePage(status: number, title: string, text: string): RouteResponse {
  return { status, headers: pageHeaders(), body: page(title, `<p>${escapeHtml(text)}</p>`) }
}
